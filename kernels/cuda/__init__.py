"""What kernels for CUDA share: vector loads, sums in a fixed order, register tiles and what feeds them.

Made for the variants cuda_<idea>.py, none of which knows where it runs (`kernels.device`). What executes them without a
GPU is `kernels.emulator`.
"""
