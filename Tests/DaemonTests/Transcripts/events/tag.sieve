require ["imapsieve", "vnd.dovecot.imapsieve", "imap4flags", "variables"];
if environment :matches "imap.cause" "*" { addflag "cause-${1}"; }
if environment :matches "imap.mailbox" "*" { addflag "in-${1}"; }
if environment :matches "imap.user" "*" { addflag "by-${1}"; }
if environment :matches "imap.email" "*@*" { addflag "email-${1}"; }
if environment :matches "vnd.dovecot.mailbox-from" "?*" { addflag "from-${1}${2}"; }
if environment :matches "vnd.dovecot.mailbox-to" "?*" { addflag "to-${1}${2}"; }
if environment :contains "imap.changedflags" "\\Flagged" { addflag "changed-flagged"; }
if environment :contains "imap.changedflags" "\\Seen" { addflag "changed-seen"; }
if environment :contains "imap.changedflags" "blue" { addflag "changed-blue"; }
if environment :is "imap.changedflags" "" { addflag "changed-nothing"; }
if allof (environment :is "location" "MS", environment :is "phase" "post") { addflag "after-delivery"; }
