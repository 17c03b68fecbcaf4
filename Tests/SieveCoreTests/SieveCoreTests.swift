// SieveCore
