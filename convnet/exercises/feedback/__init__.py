"""Name the likely mistake: results are compared with those that usual mistakes would give, on the same problems."""

from convnet.exercises.feedback.naming import name_mistake

__all__ = ["name_mistake"]
