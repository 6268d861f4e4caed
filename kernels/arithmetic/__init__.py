"""Arithmetic of two arrays, whose axes of length 1 are repeated, and its two gradients; README.md is the lesson.

`kind`: "add", "subtract", "multiply", "divide", "maximum" or "minimum". a and b: shapes that fit by NumPy's rule, all
float32 or all float64. `variant`: a name from the registry. `out`: where to write the result, C-contiguous and apart
from the inputs. Both functions raise TypeError for a wrong kind of array and ValueError for what does not fit.
Source: Hu, Shen, Sun, Squeeze-and-Excitation Networks, 2018, equation (4).
"""

import numpy as np

from kernels import checks
from kernels.arithmetic.broadcast import broadcast, merge
from kernels.arithmetic.formulas import KINDS

OP = "arithmetic"


def forward(
    a: np.ndarray, b: np.ndarray, kind: str, *, variant: str = "cpu", out: np.ndarray | None = None
) -> np.ndarray:
    """Compute y[i] = a[i] + b[i], - b[i], * b[i], / b[i], or the larger or smaller; an index of a length of 1 is 0.

    A NaN in either gives NaN. `reference` returns float64, the others a's dtype.
    """
    a, b = checks.array(OP, "a", a, None), checks.array(OP, "b", b, None)
    checks.same_dtype(OP, a=a, b=b)
    _check_kind(kind)
    shape = broadcast(OP, a.shape, b.shape)
    run = checks.kernel(OP, variant, "forward", a, b)
    if variant == "reference":
        return checks.deliver(OP, run(a, b, kind), out)
    y = checks.output(OP, "out", out, shape, a.dtype, (a, b))
    run(a, b, kind, out=y)
    return y


def backward(
    dy: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    kind: str,
    *,
    variant: str = "cpu",
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute da and db: dy times the slope, summed over the axes along which the array was repeated.

    Of two equal numbers the first, a's, is the maximum and the minimum.
    """
    dy = checks.array(OP, "dy", dy, None)
    a, b = checks.array(OP, "a", a, None), checks.array(OP, "b", b, None)
    checks.same_dtype(OP, dy=dy, a=a, b=b)
    _check_kind(kind)
    shape = broadcast(OP, a.shape, b.shape)
    checks.shape(OP, "dy", dy, shape, f"what forward makes of a.shape={a.shape} and b.shape={b.shape}")
    run = checks.kernel(OP, variant, "backward", dy, a, b)
    if variant == "reference":
        return checks.deliver(OP, run(dy, a, b, kind), out)
    both = checks.outputs(OP, out, (("da", a.shape, a.dtype), ("db", b.shape, b.dtype)), (dy, a, b))
    run(dy, a, b, kind, out=both)
    return both


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"{OP}: kind must be one of {', '.join(KINDS)}, got {kind!r}")


__all__ = ["KINDS", "backward", "broadcast", "forward", "merge"]
