"""Pictures of a model's inside, and maps of what spoke for a class."""
