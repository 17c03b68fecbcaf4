require ["imapflags", "notify", "vnd.dovecot.duplicate"];
setflag "variable" "flag";
mark "x";
notify;
notify :options "no address";
notify :options "a@one.example" :low :high;
denotify 5;
if duplicate :uniqueid "x" { keep; }
