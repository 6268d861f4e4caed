"""Mutated files: every one ends in a result or one clear error. `python -m tests.fuzz --files 20000 --seed 0`."""
