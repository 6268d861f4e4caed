"""The logistic function, the document's formula (2), f(x) = 1 / (1 + exp(-x)); README.md is the lesson.

Arrays of any shape; all float32 or all float64.
`out`: where to write the result, C-contiguous and apart from the inputs. `variant`: a name from the registry.
Every function raises TypeError for a wrong kind of array and ValueError for shapes that do not fit.
"""

import numpy as np

from kernels import activation, checks

OP = "sigmoid"


def forward(x: np.ndarray, *, variant: str = "cpu", out: np.ndarray | None = None) -> np.ndarray:
    """y = 1 / (1 + exp(-x))  -> y, x's shape. `reference` returns float64, the others x's dtype."""
    x = checks.array(OP, "x", x, None)
    return activation.forward(OP, x, variant, out)


def backward(dy: np.ndarray, y: np.ndarray, *, variant: str = "cpu", out: np.ndarray | None = None) -> np.ndarray:
    """dx = dy * y * (1 - y), y being what forward returned  -> dx, y's shape."""
    dy, y = checks.array(OP, "dy", dy, None), checks.array(OP, "y", y, None)
    return activation.backward(OP, dy, y, variant, out)
