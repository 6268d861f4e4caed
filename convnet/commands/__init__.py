"""The commands, one a file: what each asks for and prints. The work is done elsewhere."""
