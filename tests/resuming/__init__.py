"""Trainings that are cut off and go on."""
