"""Transposed convolution: conv2d's data gradient as a layer of its own, and its two gradients; README.md is the lesson.

Arrays are channels-last: x (N,H,W,C), k (P,Q,F/groups,C), b (F,), y (N,Ho,Wo,F); all float32 or all float64.
`stride`, `dilation`: an int or (vertical, horizontal). `padding`: an int or ((top, bottom), (left, right)), what is cut
off y's edges. `output_padding`: rows and columns added at the bottom and the right, less than the stride.
`out`: where to write the result, C-contiguous and apart from the inputs. `variant`: a name from the registry.
Every function raises TypeError for a wrong kind of array and ValueError for shapes or settings that do not fit.
Source: Dumoulin, Visin, A guide to convolution arithmetic for deep learning, 2016, chapter 4.
"""

from typing import Any

import numpy as np

from kernels import checks

OP = "conv2dtranspose"


def forward(
    x: np.ndarray,
    k: np.ndarray,
    b: np.ndarray | None = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute y[n, s*h + d*p - top, s*w + d*q - left, f] = b[f] + the sum of x[n,h,w,c] * k[p,q,f,c] that land there.

    -> y (N,Ho,Wo,F); c runs over the channels of f's group. `reference` returns float64, the others x's dtype.
    """
    x = checks.array(OP, "x", x, "N H W C")
    k = checks.array(OP, "k", k, "P Q F C")
    settings, y_shape = geometry(x.shape, k.shape, stride, padding, output_padding, dilation, groups)
    if b is not None:
        b = checks.array(OP, "b", b, "F")
        checks.shape(OP, "b", b, (y_shape[3],), f"one bias a filter: k.shape={k.shape} (P,Q,F/groups,C)")
    checks.same_dtype(OP, x=x, k=k, b=b)
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
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute dx[n,h,w,c] = sum_{p,q,f} dy[n, s*h + d*p - top, s*w + d*q - left, f] * k[p,q,f,c], a convolution."""
    dy = checks.array(OP, "dy", dy, "N Ho Wo F")
    k = checks.array(OP, "k", k, "P Q F C")
    checks.same_dtype(OP, dy=dy, k=k)
    x_shape = checks.sizes(OP, "x_shape", x_shape, "N H W C")
    settings, y_shape = geometry(x_shape, k.shape, stride, padding, output_padding, dilation, groups)
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
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    variant: str = "cpu",
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute dk[p,q,f,c] = sum_{n,h,w} x[n,h,w,c] * dy[n, s*h + d*p - top, s*w + d*q - left, f]  -> dk = k_shape.

    db[f] = sum_{n,i,j} dy[n,i,j,f]  -> db (F,), the bias's gradient.
    """
    x = checks.array(OP, "x", x, "N H W C")
    dy = checks.array(OP, "dy", dy, "N Ho Wo F")
    checks.same_dtype(OP, x=x, dy=dy)
    k_shape = checks.sizes(OP, "k_shape", k_shape, "P Q F C")
    settings, y_shape = geometry(x.shape, k_shape, stride, padding, output_padding, dilation, groups)
    checks.shape(OP, "dy", dy, y_shape, f"what forward makes of x.shape={x.shape} and k_shape={k_shape}")
    run = checks.kernel(OP, variant, "backward_weights", x, dy)
    if variant == "reference":
        return checks.deliver(OP, run(x, dy, k_shape, **settings), out)
    both = checks.outputs(OP, out, (("dk", k_shape, x.dtype), ("db", y_shape[3:], x.dtype)), (x, dy))
    run(x, dy, k_shape, **settings, out=both)
    return both


def geometry(
    x_shape: tuple[int, ...],
    k_shape: tuple[int, ...],
    stride: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
    groups: Any,
) -> tuple[dict[str, Any], tuple[int, int, int, int]]:
    """Return the settings in normal form and the shape of y; ValueError if they do not fit together."""
    stride, dilation = checks.pair(OP, "stride", stride), checks.pair(OP, "dilation", dilation)
    more = checks.pair(OP, "output_padding", output_padding, 0)
    groups = checks.integer(OP, "groups", groups)
    (n, h, w, c), (p, q, fg, ck) = x_shape, k_shape
    if c != ck or c % groups:
        raise ValueError(
            f"{OP}: x has {c} channels, which must be those of k, {ck}, and a multiple of groups={groups}: "
            f"x.shape={x_shape} (N,H,W,C), k.shape={k_shape} (P,Q,F/groups,C)"
        )
    if padding in ("same", "valid"):
        raise ValueError(f"{OP}: padding must be numbers here, ((top, bottom), (left, right)), got {padding!r}")
    pad = checks.padding(OP, padding, (h, w), (p, q), stride, dilation)
    sizes = []
    for axis, length, taps, s, d, (before, after), extra in zip(
        "HW", (h, w), (p, q), stride, dilation, pad, more, strict=True
    ):
        size = (length - 1) * s + d * (taps - 1) + 1 - before - after + extra
        if extra >= s or length < 1 or taps < 1 or size < 1:
            raise ValueError(
                f"{OP}: along {axis} there would be {size} places of y: {length} of x, {taps} of k, stride {s}, "
                f"dilation {d}, padding {before, after}, output_padding {extra}, which must be less than the stride"
            )
        sizes.append(size)
    settings = {"stride": stride, "padding": pad, "output_padding": more, "dilation": dilation, "groups": groups}
    return settings, (n, sizes[0], sizes[1], fg * groups)
