// LMTPServer
