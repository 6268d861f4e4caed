"""Grade a folder of submissions: each in a process of its own that computes results and knows no answer."""

from convnet.exercises.grading.grade import Settings, grade

__all__ = ["Settings", "grade"]
