// MIMECore
