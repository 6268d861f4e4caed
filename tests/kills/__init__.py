"""Trainings that are killed at random moments, again and again, and must end with the same files."""
