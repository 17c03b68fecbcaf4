require "ihave";
if allof (false, ihave "imap4flags") { stop; }
addflag "a";
