require "fileinto";
fileinto "a"
keep;
fileinto "b"
nonsense;
fileinto "c"
true;
if header matches "subject" "x" { keep; }
discard
stop;
