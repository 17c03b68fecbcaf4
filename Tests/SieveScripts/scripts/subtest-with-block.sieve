require "vnd.dovecot.testsuite"; test "x" { keep; }
