require ["mailbox", "fileinto", "mboxmetadata", "servermetadata", "special-use", "encoded-character"];
if mailboxexists { keep; }
if mailboxexists 1 { keep; }
if mailboxexists "a" "b" { keep; }
if mailboxexists "${hex:ff}" { keep; }
fileinto "${hex:ff}";
if metadata "a" "/private/x" { keep; }
if metadata ["a"] "/private/x" "y" { keep; }
if metadataexists "a" { keep; }
if servermetadata "/shared/x" { keep; }
if servermetadataexists { keep; }
if specialuse_exists "Junk" { keep; }
if specialuse_exists "a" "\\Ju(nk" { keep; }
fileinto :specialuse "Junk" "a";
