require ["imap4flags", "fileinto"];
setflag;
setflag 1;
addflag "a" "b";
removeflag "a" "b" "c";
addflag :copy "a";
if hasflag { keep; }
if hasflag 1 { keep; }
if hasflag "a" "b" { keep; }
if hasflag "a" "b" "c" { keep; }
keep :flags;
keep :flags 1;
fileinto :flags "a" :flags "b" "c";
