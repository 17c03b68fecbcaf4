require "include"; if false { include "once-a"; } include "once-b";
