require ["include", "variables"];
global ["place", "result"];
redirect "${place}";
set "result" "sent";
