require ["include", "variables", "fileinto"];
global ["a", "b"];
set "a" "one";
set "c" "mine";
set "global.d" "four";
include "changes";
if not string "${a}" "changed one" { discard; }
if not string "${b}" "two" { discard; }
if not string "${c}" "mine" { discard; }
if not string "${global.d}" "four five" { discard; }
fileinto "x";
keep;
