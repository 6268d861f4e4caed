"""Two-dimensional convolution, formula (1), and its two gradients; README.md is the lesson.

Arrays are channels-last: x (N,H,W,C), k (P,Q,C/groups,F), b (F,), y (N,Ho,Wo,F); all float32 or all float64.
`stride`, `dilation`: an int or (vertical, horizontal).
`padding`: an int, "valid", "same" or ((top, bottom), (left, right)), as in kernels/checks.py.
`out`: where to write the result, C-contiguous and apart from the inputs. `variant`: a name from the registry.
Every function raises TypeError for a wrong kind of array and ValueError for shapes or settings that do not fit.
Source: the document's formula (1); Goodfellow, Bengio, Courville, Deep Learning, 2016, 9.1 (no kernel flip) and 9.5.
"""

from typing import Any

import numpy as np

from kernels import checks
from kernels.int8 import Levels
from kernels.int8 import levels as eight

OP = "conv2d"


def forward(
    x: np.ndarray,
    k: np.ndarray,
    b: np.ndarray | None = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f].

    -> y (N,Ho,Wo,F); c runs over the channels of f's group.

    c runs over the input channels of f's group. `reference` returns float64, the others x's dtype.
    """
    x = checks.array(OP, "x", x, "N H W C")
    k = checks.array(OP, "k", k, "P Q C F")
    if b is not None:
        b = checks.array(OP, "b", b, "F")
        checks.shape(OP, "b", b, (k.shape[3],), f"one bias a filter: k.shape={k.shape} (P,Q,C/groups,F)")
    checks.same_dtype(OP, x=x, k=k, b=b)
    settings, y_shape = geometry(x.shape, k.shape, stride, padding, dilation, groups)
    run = checks.kernel(OP, variant, "forward", x, k, b)
    if variant == "reference":
        return checks.deliver(OP, run(x, k, b, **settings), out)
    y = checks.output(OP, "out", out, y_shape, x.dtype, (x, k, b))
    run(x, k, b, **settings, out=y)
    return y


def backward_data(
    dy: np.ndarray,
    k: np.ndarray,
    x_shape: tuple[int, ...],
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over the (i,j,p,q,f) that read x[n,h,w,c].

    -> dx = x_shape
    """
    dy = checks.array(OP, "dy", dy, "N Ho Wo F")
    k = checks.array(OP, "k", k, "P Q C F")
    checks.same_dtype(OP, dy=dy, k=k)
    x_shape = checks.sizes(OP, "x_shape", x_shape, "N H W C")
    settings, y_shape = geometry(x_shape, k.shape, stride, padding, dilation, groups)
    checks.shape(OP, "dy", dy, y_shape, f"what forward makes of x_shape={x_shape} and k.shape={k.shape}")
    run = checks.kernel(OP, variant, "backward_data", dy, k)
    if variant == "reference":
        return checks.deliver(OP, run(dy, k, x_shape, **settings), out)
    dx = checks.output(OP, "out", out, x_shape, dy.dtype, (dy, k))
    run(dy, k, x_shape, **settings, out=dx)
    return dx


def backward_weights(
    x: np.ndarray,
    dy: np.ndarray,
    k_shape: tuple[int, ...],
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    variant: str = "cpu",
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute dk[p,q,c,f] = sum_{n,i,j} x[n, s*i + d*p - top, s*j + d*q - left, c] * dy[n,i,j,f]  -> dk = k_shape.

    db[f] = sum_{n,i,j} dy[n,i,j,f]  -> db (F,), the bias's gradient.
    """
    x = checks.array(OP, "x", x, "N H W C")
    dy = checks.array(OP, "dy", dy, "N Ho Wo F")
    checks.same_dtype(OP, x=x, dy=dy)
    k_shape = checks.sizes(OP, "k_shape", k_shape, "P Q C F")
    settings, y_shape = geometry(x.shape, k_shape, stride, padding, dilation, groups)
    checks.shape(OP, "dy", dy, y_shape, f"what forward makes of x.shape={x.shape} and k_shape={k_shape}")
    run = checks.kernel(OP, variant, "backward_weights", x, dy)
    if variant == "reference":
        return checks.deliver(OP, run(x, dy, k_shape, **settings), out)
    both = checks.outputs(OP, out, (("dk", k_shape, x.dtype), ("db", k_shape[3:], x.dtype)), (x, dy))
    run(x, dy, k_shape, **settings, out=both)
    return both


def geometry(
    x_shape: tuple[int, ...], k_shape: tuple[int, ...], stride: Any, padding: Any, dilation: Any, groups: Any
) -> tuple[dict[str, Any], tuple[int, int, int, int]]:
    """Return the settings in normal form (pairs) and the shape of y; ValueError if they do not fit together."""
    stride, dilation = checks.pair(OP, "stride", stride), checks.pair(OP, "dilation", dilation)
    groups = checks.integer(OP, "groups", groups)
    (n, h, w, c), (p, q, ck, f) = x_shape, k_shape
    if c != ck * groups:
        raise ValueError(
            f"{OP}: x has {c} channels but k expects {ck * groups} (C/groups={ck}, groups={groups}): "
            f"x.shape={x_shape} (N,H,W,C), k.shape={k_shape} (P,Q,C/groups,F)"
        )
    if f % groups:
        raise ValueError(f"{OP}: groups={groups} must divide the number of filters, F={f}: k.shape={k_shape}")
    pad = checks.padding(OP, padding, (h, w), (p, q), stride, dilation)
    ho, wo = checks.window_count(OP, (h, w), (p, q), stride, pad, dilation)
    return {"stride": stride, "padding": pad, "dilation": dilation, "groups": groups}, (n, ho, wo, f)


def forward_int8(
    x: np.ndarray,
    k: np.ndarray,
    b: np.ndarray | None,
    multiplier: np.ndarray,
    *,
    x_zero: int = 0,
    levels: Levels | None = Levels(),  # noqa: B008  (immutable)
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute formula (1) on 8-bit levels: an exact sum of integers, times a real number for each filter.

    y[n,i,j,f] = level of multiplier[f] * (b[f] + sum_{p,q,c} (x[n, s*i + d*p - top, ...] - x_zero) * k[p,q,c,f])

    x (N,H,W,C), k (P,Q,C/groups,F) int8  b (F,) int32  multiplier (F,) float32  ->  y (N,Ho,Wo,F) int8; float32, the
    number itself, if levels is None. Padding is the level x_zero. Every variant gives the same bits.
    """
    x = checks.array(OP, "x", x, "N H W C", (eight.TYPE,))
    k = checks.array(OP, "k", k, "P Q C F", (eight.TYPE,))
    if b is not None:
        b = checks.array(OP, "b", b, "F", (eight.SUM,))
        checks.shape(OP, "b", b, (k.shape[3],), f"one bias a filter: k.shape={k.shape} (P,Q,C/groups,F)")
    m, zero = eight.check_multipliers(OP, multiplier, k.shape[3]), eight.check_level(OP, "x_zero", x_zero)
    chosen = None if levels is None else eight.check_levels(OP, levels)
    eight.check_sum(OP, k[..., 0].size, zero, b)
    settings, y_shape = geometry(x.shape, k.shape, stride, padding, dilation, groups)
    run = eight.kernel(OP, variant)
    if variant == "reference":
        return eight.deliver(OP, run(x, k, b, m, x_zero=zero, levels=chosen, **settings), out)
    y = checks.output(OP, "out", out, y_shape, eight.REAL if chosen is None else eight.TYPE, (x, k, b, m))
    run(x, k, b, m, x_zero=zero, levels=chosen, **settings, out=y)
    return y
