"""The course: seven notebooks, and the command that copies them out."""
