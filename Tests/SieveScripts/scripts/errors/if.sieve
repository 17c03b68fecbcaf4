if { keep; }
elsif { keep; }
else "x" { keep; }
if "x" true { keep; }
if true;
elsif true { keep; }
else true { keep; }
keep;
else { keep; }
elsif true { keep; }
if true { keep; } else { keep; } elsif true { keep; }
if (true, false) { keep; }
if true, false { keep; }
