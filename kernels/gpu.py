"""The former name of `kernels.emulator`: scripts that were written for it go on, with a warning."""

import warnings

from kernels.emulator import KernelFault, Report, Unsupported, run

__all__ = ["KernelFault", "Report", "Unsupported", "run"]

warnings.warn("kernels.gpu is called kernels.emulator now: import that instead", DeprecationWarning, stacklevel=2)
