"""What may identify a patient in a file, and its removal."""
