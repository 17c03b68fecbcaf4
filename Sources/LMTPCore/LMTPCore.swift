// LMTPCore
