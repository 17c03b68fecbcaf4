require ["ihave", "variables"];
set "a" "copy";
if ihave "${a}" { keep; }
if ihave 1 { keep; }
if ihave { keep; }
error;
error 1;
if ihave "imap4flags" { keep :copy; }
