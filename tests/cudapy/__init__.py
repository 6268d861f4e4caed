"""numba-cuda's own tests, run from the installed package on the emulator: `python -m tests.cudapy`."""
