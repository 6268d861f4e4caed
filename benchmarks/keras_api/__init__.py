"""Keras's API beside ours, by introspection: which names and arguments mean the same here, and which are refused."""
