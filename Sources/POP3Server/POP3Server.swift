// POP3Server
