// AdminCommands
