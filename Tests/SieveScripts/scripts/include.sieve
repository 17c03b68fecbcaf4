require ["include", "variables"];
global ["place", "result"];
set "place" "a@example.com";
include "forward";
if not string "${result}" "sent" { discard; }
