"""The exp of formulas that CPU and GPU share: in a GPU's kernels it is NVIDIA's."""

import math

from kernels.cpu.exponential import exp
from kernels.toolchain import simulated

if not simulated():  # there, exp is math.exp as it stands
    from numba.cuda.extending import overload  # type: ignore[attr-defined]

    @overload(exp)
    def _exp(x):
        return lambda x: math.exp(x)
