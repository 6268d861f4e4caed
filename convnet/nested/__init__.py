"""Several inputs or outputs: the lists and dicts that a user gives them in, and their arrays side by side."""
