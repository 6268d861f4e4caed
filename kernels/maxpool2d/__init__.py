"""Two-dimensional max pooling and its gradient; README.md is the lesson.

Arrays are channels-last: x (N,H,W,C), y and argmax (N,Ho,Wo,C), Ho = (H + top + bottom - P) // s + 1.
`size`: the window (P,Q), an int or a pair. `stride`: the same; None means size, so that windows do not overlap.
`padding`: an int, "valid", "same" or ((top, bottom), (left, right)), with -inf, each side less than the window.
`out`: where to write the result, C-contiguous and apart from the inputs. `variant`: a name from the registry.
Every function raises TypeError for a wrong kind of array and ValueError for shapes or settings that do not fit.
Source: Goodfellow, Bengio, Courville, Deep Learning, 2016, 9.3.
"""

from typing import Any

import numpy as np

from kernels import checks, pooling, targets
from kernels.int8 import levels as eight

OP = "maxpool2d"


def forward(
    x: np.ndarray,
    size: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    variant: str = "cpu",
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute y[n,i,j,c] = max_{p,q} x[n, s*i + p - top, s*j + q - left, c]  -> y, argmax (N,Ho,Wo,C).

    argmax = p*Q + q of the first maximum in row-major order, in the smallest unsigned dtype that holds P*Q - 1.
    A NaN in the window gives NaN, and argmax its first NaN. `reference` returns y in float64, the others in x's dtype.
    """
    x = checks.array(OP, "x", x, "N H W C")
    settings, y_shape = pooling.normalize(OP, x.shape, size, stride, padding)
    run = checks.kernel(OP, variant, "forward", x)
    if variant == "reference":
        return checks.deliver(OP, run(x, **settings), out)
    wanted = (("y", y_shape, x.dtype), ("argmax", y_shape, index_dtype(settings["size"])))
    both = checks.outputs(OP, out, wanted, (x,))
    run(x, **settings, out=both)
    return both


def backward(
    dy: np.ndarray,
    argmax: np.ndarray,
    x_shape: tuple[int, ...],
    *,
    size: Any,
    stride: Any = None,
    padding: Any = 0,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,c] over the windows (i,j) whose argmax is the pixel (h,w)  -> dx = x_shape.

    An argmax of P*Q or more is a ValueError (on a device, where nobody looks, it gives to no pixel); one that points
    into the padding (forward makes none) gives to no pixel.
    """
    dy = checks.array(OP, "dy", dy, "N Ho Wo C")
    x_shape = checks.sizes(OP, "x_shape", x_shape, "N H W C")
    settings, y_shape = pooling.normalize(OP, x_shape, size, stride, padding)
    why = f"what forward makes of x_shape={x_shape}"
    checks.shape(OP, "dy", dy, y_shape, why)
    p, q = settings["size"]
    argmax = checks.array(OP, "argmax", argmax, "N Ho Wo C", (index_dtype((p, q)),))
    checks.shape(OP, "argmax", argmax, y_shape, why)
    if targets.home(argmax) == "cpu" and (largest := int(argmax.max(initial=0))) >= p * q:
        raise ValueError(
            f"{OP}: argmax must be below P*Q={p * q} for a {p}x{q} window, got {largest}: pass what forward returned"
        )
    run = checks.kernel(OP, variant, "backward", dy, argmax)
    if variant == "reference":
        return checks.deliver(OP, run(dy, argmax, x_shape, **settings), out)
    dx = checks.output(OP, "out", out, x_shape, dy.dtype, (dy, argmax))
    run(dy, argmax, x_shape, **settings, out=dx)
    return dx


def index_dtype(size: checks.Pair) -> np.dtype:
    """Return the smallest unsigned dtype that holds every index of a window."""
    return np.min_scalar_type(size[0] * size[1] - 1)


def forward_int8(
    x: np.ndarray,
    size: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute y[n,i,j,c] = max_{p,q} x[n, s*i + p - top, s*j + q - left, c] of 8-bit levels  -> y int8 (N,Ho,Wo,C).

    The largest number has the largest level, so the scale and the zero point stay.
    """
    x = checks.array(OP, "x", x, "N H W C", (eight.TYPE,))
    settings, y_shape = pooling.normalize(OP, x.shape, size, stride, padding)
    run = eight.kernel(OP, variant)
    if variant == "reference":
        return eight.deliver(OP, run(x, **settings), out)
    y = checks.output(OP, "out", out, y_shape, eight.TYPE, (x,))
    run(x, **settings, out=y)
    return y
