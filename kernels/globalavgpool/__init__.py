"""The mean of each channel over the whole image, and its gradient; README.md is the lesson.

x (N,H,W,C), y (N,C); float32 or float64. `variant`: a name from the registry.
`out`: where to write the result, C-contiguous and apart from the inputs.
Both functions raise TypeError for a wrong kind of array and ValueError for shapes that do not fit.
Source: Lin, Chen, Yan, Network In Network, 2014, 3.2.
"""

import numpy as np

from kernels import checks
from kernels.int8 import Levels
from kernels.int8 import levels as eight

OP = "globalavgpool"


def forward(x: np.ndarray, *, variant: str = "cpu", out: np.ndarray | None = None) -> np.ndarray:
    """Compute y[n,c] = 1/(H*W) * sum_{h,w} x[n,h,w,c]  -> y (N,C).

    ValueError if the image has no pixels. `reference` returns float64, the others x's dtype.
    """
    x = checks.array(OP, "x", x, "N H W C")
    _has_pixels(x.shape)
    run = checks.kernel(OP, variant, "forward", x)
    if variant == "reference":
        return checks.deliver(OP, run(x), out)
    y = checks.output(OP, "out", out, (x.shape[0], x.shape[3]), x.dtype, (x,))
    run(x, out=y)
    return y


def backward(
    dy: np.ndarray, x_shape: tuple[int, ...], *, variant: str = "cpu", out: np.ndarray | None = None
) -> np.ndarray:
    """Compute dx[n,h,w,c] = dy[n,c] / (H*W)  -> dx = x_shape (N,H,W,C)."""
    dy = checks.array(OP, "dy", dy, "N C")
    x_shape = checks.sizes(OP, "x_shape", x_shape, "N H W C")
    _has_pixels(x_shape)
    checks.shape(OP, "dy", dy, (x_shape[0], x_shape[3]), f"what forward makes of x_shape={x_shape}")
    run = checks.kernel(OP, variant, "backward", dy)
    if variant == "reference":
        return checks.deliver(OP, run(dy, x_shape), out)
    dx = checks.output(OP, "out", out, x_shape, dy.dtype, (dy,))
    run(dy, x_shape, out=dx)
    return dx


def forward_int8(
    x: np.ndarray,
    *,
    x_zero: int = 0,
    multiplier: float = 1.0,
    levels: Levels = Levels(),  # noqa: B008  (immutable)
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute y[n,c] = level of multiplier/(H*W) * sum_{h,w} (x[n,h,w,c] - x_zero); the sum is exact  -> y int8."""
    x = checks.array(OP, "x", x, "N H W C", (eight.TYPE,))
    _has_pixels(x.shape)
    zero, chosen = eight.check_level(OP, "x_zero", x_zero), eight.check_levels(OP, levels)
    settings = {"x_zero": zero, "multiplier": eight.check_multiplier(OP, multiplier), "levels": chosen}
    eight.check_sum(OP, x.shape[1] * x.shape[2], zero, None)
    run = eight.kernel(OP, variant)
    if variant == "reference":
        return eight.deliver(OP, run(x, **settings), out)
    y = checks.output(OP, "out", out, (x.shape[0], x.shape[3]), eight.TYPE, (x,))
    run(x, **settings, out=y)
    return y


def _has_pixels(x_shape: tuple[int, ...]) -> None:
    if x_shape[1] * x_shape[2] == 0:
        raise ValueError(f"{OP}: the mean of an image needs pixels, got {x_shape} (N,H,W,C)")
