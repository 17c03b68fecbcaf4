require ["imap4flags", "imapflags"];
require ["notify", "enotify"];
require "duplicate";
require "vnd.dovecot.duplicate";
keep;
