"""A CUDA driver whose device is the emulator: numba-cuda's own host code runs on it, with every launch checked."""

from kernels.emulator.driver.install import install

__all__ = ["install"]
