require ["spamtest", "virustest"];
if spamtest { keep; }
if spamtest 5 { keep; }
if spamtest ["1", "2"] { keep; }
if spamtest "1" "2" { keep; }
if spamtest :percent "5" { keep; }
if virustest :percent "5" { keep; }
if virustest { keep; }
if spamtest :value "ge" "5" { keep; }
