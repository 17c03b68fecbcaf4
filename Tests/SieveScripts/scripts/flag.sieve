require "imap4flags"; addflag "by-script";
