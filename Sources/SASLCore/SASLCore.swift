// SASLCore
