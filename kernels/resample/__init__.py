"""Padding, cropping, slicing and resizing: each place of y is a weighted sum of places of x. README.md is the lesson.

x has any number of axes up to four, float32 or float64. `taps`: for each axis None, which leaves it as it is, or for
each place of y along it the pairs (place of x, weight), in a tuple; none of them gives `fill`. taps.py makes them.
`variant`: a name from the registry. `out`: where to write the result, C-contiguous and apart from the inputs.
Both functions raise TypeError for a wrong kind of array and ValueError for taps that do not fit.
Source: ONNX operators Pad, Slice and Resize; Ronneberger, Fischer, Brox, U-Net, 2015, section 2 (crop, up-sample).
"""

from typing import Any

import numpy as np

from kernels import checks
from kernels.resample.taps import Taps, check_taps

OP = "resample"


def forward(
    x: np.ndarray, taps: Taps, *, fill: float = 0.0, variant: str = "cpu", out: np.ndarray | None = None
) -> np.ndarray:
    """Compute y[i,j,..] = sum of u * v * .. * x[h,w,..] over the taps (h,u) of i, (w,v) of j, ..; fill if one has none.

    `reference` returns float64, the others x's dtype.
    """
    x = checks.array(OP, "x", x, None)
    shape = check_taps(OP, x.shape, taps)
    fill = _number(fill)
    run = checks.kernel(OP, variant, "forward", x)
    if variant == "reference":
        return checks.deliver(OP, run(x, taps, fill=fill), out)
    y = checks.output(OP, "out", out, shape, x.dtype, (x,))
    run(x, taps, fill=fill, out=y)
    return y


def backward(
    dy: np.ndarray, x_shape: tuple[int, ...], taps: Taps, *, variant: str = "cpu", out: np.ndarray | None = None
) -> np.ndarray:
    """Compute dx[h,w,..] = sum of u * v * .. * dy[i,j,..] over the places (i,j,..) that read x[h,w,..]."""
    dy = checks.array(OP, "dy", dy, None)
    x_shape = tuple(checks.integer(OP, "x_shape", n, 0) for n in x_shape)
    shape = check_taps(OP, x_shape, taps)
    checks.shape(OP, "dy", dy, shape, f"what forward makes of x_shape={x_shape}")
    run = checks.kernel(OP, variant, "backward", dy)
    if variant == "reference":
        return checks.deliver(OP, run(dy, x_shape, taps), out)
    dx = checks.output(OP, "out", out, x_shape, dy.dtype, (dy,))
    run(dy, x_shape, taps, out=dx)
    return dx


def _number(fill: Any) -> float:
    if isinstance(fill, (bool, str)) or not isinstance(fill, (int, float, np.integer, np.floating)):
        raise TypeError(f"{OP}: fill must be a number, got {fill!r}")
    return float(fill)
