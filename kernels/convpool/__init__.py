"""Convolution, 2x2 max pooling and rectifier in one, and their gradients; README.md is the lesson.

Arrays are channels-last: x (N,H,W,C), k (P,Q,C,F), b (F,), y and argmax (N,Ho,Wo,F), Ho = (H - P + 1) // 2;
all float32 or all float64, argmax uint8. The convolution has stride 1 and no padding, the windows tile its result.
`out`: where to write the result, C-contiguous and apart from the inputs. `variant`: a name from the registry.
Every function raises TypeError for a wrong kind of array and ValueError for shapes that do not fit.
Source: Goodfellow, Bengio, Courville, Deep Learning, 2016, 9.3.
"""

from typing import Any

import numpy as np

from kernels import checks, conv2d, targets
from kernels.int8 import Levels
from kernels.int8 import levels as eight

OP = "convpool"
INDEX = np.dtype(np.uint8)


def forward(
    x: np.ndarray,
    k: np.ndarray,
    b: np.ndarray | None = None,
    *,
    variant: str = "cpu",
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute y[n,i,j,f] = max(0, max_{u,v<2} z[n,2i+u,2j+v,f]) of a convolution z.

    z[n,h,w,f] = b[f] + sum_{p,q,c} x[n,h+p,w+q,c] * k[p,q,c,f]

    -> y and argmax (N,Ho,Wo,F): argmax = 2a + b of the first largest z, also where y is 0. A NaN gives NaN.
    `reference` returns y in float64, the others in x's dtype.
    """
    x, k = checks.array(OP, "x", x, "N H W C"), checks.array(OP, "k", k, "P Q C F")
    if b is not None:
        b = checks.array(OP, "b", b, "F")
        checks.shape(OP, "b", b, k.shape[3:], f"one bias a filter: k.shape={k.shape} (P,Q,C,F)")
    checks.same_dtype(OP, x=x, k=k, b=b)
    y_shape = shape(x.shape, k.shape)
    run = checks.kernel(OP, variant, "forward", x, k, b)
    if variant == "reference":
        return checks.deliver(OP, run(x, k, b), out)
    both = checks.outputs(OP, out, (("y", y_shape, x.dtype), ("argmax", y_shape, INDEX)), (x, k, b))
    run(x, k, b, out=both)
    return both


def backward_data(
    dy: np.ndarray,
    y: np.ndarray,
    argmax: np.ndarray,
    k: np.ndarray,
    x_shape: tuple[int, ...],
    *,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute dx[n,h+p,w+q,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over the windows with y > 0.

    (h,w) = (2i+u, 2j+v) is the pixel that window (i,j) chose for filter f: its argmax is 2u + v.

    y and argmax are what forward returned; an argmax above 3 is a ValueError.
    """
    dy, y, argmax = _windows(dy, y, argmax)
    k = checks.array(OP, "k", k, "P Q C F")
    checks.same_dtype(OP, dy=dy, y=y, k=k)
    x_shape = checks.sizes(OP, "x_shape", x_shape, "N H W C")
    _check(dy, y, argmax, x_shape, k.shape)
    run = checks.kernel(OP, variant, "backward_data", dy, y, argmax, k)
    if variant == "reference":
        return checks.deliver(OP, run(dy, y, argmax, k, x_shape), out)
    dx = checks.output(OP, "out", out, x_shape, dy.dtype, (dy, y, argmax, k))
    run(dy, y, argmax, k, x_shape, out=dx)
    return dx


def backward_weights(
    x: np.ndarray,
    dy: np.ndarray,
    y: np.ndarray,
    argmax: np.ndarray,
    k_shape: tuple[int, ...],
    *,
    variant: str = "cpu",
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute dk[p,q,c,f] = sum of x[n,h+p,w+q,c] * dy[n,i,j,f] over the windows with y > 0.

    (h,w) = (2i+u, 2j+v) is the pixel that window (i,j) chose for filter f: its argmax is 2u + v.

    db[f] = the sum of dy over the same windows.
    """
    x = checks.array(OP, "x", x, "N H W C")
    dy, y, argmax = _windows(dy, y, argmax)
    checks.same_dtype(OP, x=x, dy=dy, y=y)
    k_shape = checks.sizes(OP, "k_shape", k_shape, "P Q C F")
    _check(dy, y, argmax, x.shape, k_shape)
    run = checks.kernel(OP, variant, "backward_weights", x, dy, y, argmax)
    if variant == "reference":
        return checks.deliver(OP, run(x, dy, y, argmax, k_shape), out)
    both = checks.outputs(OP, out, (("dk", k_shape, x.dtype), ("db", k_shape[3:], x.dtype)), (x, dy, y, argmax))
    run(x, dy, y, argmax, k_shape, out=both)
    return both


def forward_int8(
    x: np.ndarray,
    k: np.ndarray,
    b: np.ndarray | None,
    multiplier: np.ndarray,
    *,
    x_zero: int = 0,
    levels: Levels = Levels(),  # noqa: B008  (immutable)
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute the largest level of each 2x2 window of what conv2d.forward_int8 gives  -> y (N,Ho,Wo,F) int8.

    The largest sum has the largest level, so three of four are never rounded. levels.low does what a relu does. Here
    the convolution may have any settings.
    """
    x, k = checks.array(OP, "x", x, "N H W C", (eight.TYPE,)), checks.array(OP, "k", k, "P Q C F", (eight.TYPE,))
    if b is not None:
        b = checks.array(OP, "b", b, "F", (eight.SUM,))
        checks.shape(OP, "b", b, k.shape[3:], f"one bias a filter: k.shape={k.shape} (P,Q,C/groups,F)")
    m, zero = eight.check_multipliers(OP, multiplier, k.shape[3]), eight.check_level(OP, "x_zero", x_zero)
    chosen = eight.check_levels(OP, levels)
    eight.check_sum(OP, k[..., 0].size, zero, b)
    settings, z_shape = conv2d.geometry(x.shape, k.shape, stride, padding, dilation, groups)
    ho, wo = checks.window_count(OP, z_shape[1:3], (2, 2), (2, 2), ((0, 0), (0, 0)))
    run = eight.kernel(OP, variant)
    if variant == "reference":
        return eight.deliver(OP, run(x, k, b, m, x_zero=zero, levels=chosen, **settings), out)
    y = checks.output(OP, "out", out, (len(x), ho, wo, k.shape[3]), eight.TYPE, (x, k, b, m))
    run(x, k, b, m, x_zero=zero, levels=chosen, **settings, out=y)
    return y


def shape(x_shape: tuple[int, ...], k_shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return y's shape; ValueError if x and k do not fit together or no window fits."""
    (n, h, w, c), (p, q, ck, f) = x_shape, k_shape
    if c != ck:
        raise ValueError(f"{OP}: x has {c} channels but k expects {ck}: x {x_shape} (N,H,W,C), k {k_shape} (P,Q,C,F)")
    image = checks.window_count(OP, (h, w), (p, q), (1, 1), ((0, 0), (0, 0)))
    ho, wo = checks.window_count(OP, image, (2, 2), (2, 2), ((0, 0), (0, 0)))
    return n, ho, wo, f


def pays(k_shape: tuple[int, ...], target: str = "cpu") -> bool:
    """Return whether one operation is less work than three.

    On the CPU: whether it is faster in every pass, as for 3x3 and one channel or channels in sixteens. On a GPU:
    always, since the products stay the same and the memory traffic shrinks.
    """
    p, q, c, _ = k_shape
    return targets.FAMILIES[target] == "cuda" or ((p, q) == (3, 3) and (c == 1 or c % 16 == 0))


def _windows(dy: np.ndarray, y: np.ndarray, argmax: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    dy, y = checks.array(OP, "dy", dy, "N Ho Wo F"), checks.array(OP, "y", y, "N Ho Wo F")
    return dy, y, checks.array(OP, "argmax", argmax, "N Ho Wo F", (INDEX,))


def _check(
    dy: np.ndarray, y: np.ndarray, argmax: np.ndarray, x_shape: tuple[int, ...], k_shape: tuple[int, ...]
) -> None:
    wanted, why = shape(x_shape, k_shape), f"what forward makes of x_shape={x_shape} and k_shape={k_shape}"
    for name, array in (("dy", dy), ("y", y), ("argmax", argmax)):
        checks.shape(OP, name, array, wanted, why)
    if targets.home(argmax) == "cpu" and (largest := int(argmax.max(initial=0))) > 3:
        raise ValueError(
            f"{OP}: argmax must be below 4, the pixels of a window, got {largest}: pass what forward returned"
        )
