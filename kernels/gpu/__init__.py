"""CUDA kernels without a GPU: `run` compiles a numba-cuda kernel for real and executes what the compiler made of it.

Every access is checked, and every instruction counted; `KernelFault` says what a kernel did wrong, and where.
"""

from kernels.gpu.faults import KernelFault
from kernels.gpu.launch import run
from kernels.gpu.program import Unsupported
from kernels.gpu.report import Report

__all__ = ["KernelFault", "Report", "Unsupported", "run"]
