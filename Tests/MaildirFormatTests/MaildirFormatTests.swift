// MaildirFormat
