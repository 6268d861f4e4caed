"""The rectified linear unit, max(x, 0); README.md is the lesson.

Arrays of any shape; all float32 or all float64.
`out`: where to write the result, C-contiguous and apart from the inputs. `variant`: a name from the registry.
Every function raises TypeError for a wrong kind of array and ValueError for shapes that do not fit.
Source: Nair, Hinton, Rectified Linear Units Improve Restricted Boltzmann Machines, 2010.
"""

import numpy as np

from kernels import activation, checks
from kernels.int8 import levels as eight

OP = "relu"


def forward(x: np.ndarray, *, variant: str = "cpu", out: np.ndarray | None = None) -> np.ndarray:
    """Compute y = max(x, 0), NaN for a NaN  -> y, x's shape. `reference` returns float64, the others x's dtype."""
    x = checks.array(OP, "x", x, None)
    return activation.forward(OP, x, variant, out)


def backward(dy: np.ndarray, y: np.ndarray, *, variant: str = "cpu", out: np.ndarray | None = None) -> np.ndarray:
    """Compute dx = dy where y > 0, else 0, y being what forward returned  -> dx, y's shape."""
    dy, y = checks.array(OP, "dy", dy, None), checks.array(OP, "y", y, None)
    return activation.backward(OP, dy, y, variant, out)


def forward_int8(x: np.ndarray, *, zero: int = 0, variant: str = "cpu", out: np.ndarray | None = None) -> np.ndarray:
    """Compute y = max(x, zero) of 8-bit levels, of which `zero` stands for 0  -> y int8, x's shape."""
    x = checks.array(OP, "x", x, None, (eight.TYPE,))
    zero, run = eight.check_level(OP, "zero", zero), eight.kernel(OP, variant)
    if variant == "reference":
        return eight.deliver(OP, run(x, zero=zero), out)
    y = checks.output(OP, "out", out, x.shape, eight.TYPE, (x,))
    run(x, zero=zero, out=y)
    return y
