"""`python -m benchmarks`: verify, time, verify again. Imports nothing, so that a peer's Python can run its child."""
