"""Keras's own tests, taken from the installed package and run on our classes by a small adapter."""
