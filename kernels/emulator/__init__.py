"""CUDA kernels without a GPU: `run` compiles a numba-cuda kernel for real and executes what the compiler made of it.

Every access is checked, and every instruction counted; `KernelFault` says what a kernel did wrong, and where.
"""

from kernels.emulator.faults import KernelFault
from kernels.emulator.launch import run
from kernels.emulator.program import Unsupported
from kernels.emulator.report import Report

__all__ = ["KernelFault", "Report", "Unsupported", "run"]
