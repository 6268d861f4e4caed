"""Two-dimensional average pooling and its gradient; README.md is the lesson.

Arrays are channels-last: x (N,H,W,C), y (N,Ho,Wo,C), Ho = (H + top + bottom - P) // s + 1.
`size`: the window (P,Q), an int or a pair. `stride`: the same; None means size, so that windows do not overlap.
`padding`: an int, "valid", "same" or ((top, bottom), (left, right)), each side less than the window; the mean is over
the real pixels alone. `out`: where to write the result, C-contiguous and apart from the inputs.
`variant`: a name from the registry.
Every function raises TypeError for a wrong kind of array and ValueError for shapes or settings that do not fit.
Source: LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition, 1998, II.B.
"""

from typing import Any

import numpy as np

from kernels import checks, pooling
from kernels.int8 import Levels
from kernels.int8 import levels as eight

OP = "avgpool2d"


def forward(
    x: np.ndarray,
    size: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute y[n,i,j,c] = 1/R * sum_{p,q} x[n, s*i + p - top, s*j + q - left, c]  -> y (N,Ho,Wo,C).

    R = R(i,j) counts the window's pixels inside the image. `reference` returns float64, the others x's dtype.
    """
    x = checks.array(OP, "x", x, "N H W C")
    settings, y_shape = pooling.normalize(OP, x.shape, size, stride, padding)
    run = checks.kernel(OP, variant, "forward", x)
    if variant == "reference":
        return checks.deliver(OP, run(x, **settings), out)
    y = checks.output(OP, "out", out, y_shape, x.dtype, (x,))
    run(x, **settings, out=y)
    return y


def backward(
    dy: np.ndarray,
    x_shape: tuple[int, ...],
    *,
    size: Any,
    stride: Any = None,
    padding: Any = 0,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,c] / R(i,j) over the windows (i,j) that hold (h,w)  -> dx = x_shape."""
    dy = checks.array(OP, "dy", dy, "N Ho Wo C")
    x_shape = checks.sizes(OP, "x_shape", x_shape, "N H W C")
    settings, y_shape = pooling.normalize(OP, x_shape, size, stride, padding)
    checks.shape(OP, "dy", dy, y_shape, f"what forward makes of x_shape={x_shape}")
    run = checks.kernel(OP, variant, "backward", dy)
    if variant == "reference":
        return checks.deliver(OP, run(dy, x_shape, **settings), out)
    dx = checks.output(OP, "out", out, x_shape, dy.dtype, (dy,))
    run(dy, x_shape, **settings, out=dx)
    return dx


def forward_int8(
    x: np.ndarray,
    size: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    x_zero: int = 0,
    multiplier: float = 1.0,
    levels: Levels = Levels(),  # noqa: B008  (immutable)
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute y[n,i,j,c] = level of multiplier/R * sum_{p,q} (x[n, s*i + p - top, ...] - x_zero)  -> y int8.

    The sum is exact; multiplier/R, x's scale through y's and through the number of real pixels, is float32's.
    """
    x = checks.array(OP, "x", x, "N H W C", (eight.TYPE,))
    settings, y_shape = pooling.normalize(OP, x.shape, size, stride, padding)
    zero, chosen = eight.check_level(OP, "x_zero", x_zero), eight.check_levels(OP, levels)
    settings |= {"x_zero": zero, "multiplier": eight.check_multiplier(OP, multiplier), "levels": chosen}
    eight.check_sum(OP, settings["size"][0] * settings["size"][1], zero, None)
    run = eight.kernel(OP, variant)
    if variant == "reference":
        return eight.deliver(OP, run(x, **settings), out)
    y = checks.output(OP, "out", out, y_shape, eight.TYPE, (x,))
    run(x, **settings, out=y)
    return y
