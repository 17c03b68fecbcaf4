require ["include", "variables"];
global "trace";
set "trace" "before";
return;
set "trace" "after";
