require "variables"; if string "${hex:40}" "@" { keep; } else { discard; }
