require ["include", "variables", "fileinto"];
global "a";
set "a" "changed ${a}";
set "global.b" "two";
set "c" "other";
set "global.d" "${global.d} five";
if string "${c}" "mine" { discard; }
fileinto "inside";
