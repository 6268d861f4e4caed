"""The GPU's default: every pass as a product of matrices on register tiles (`kernels/cuda/tiles.py`).

No matrix is written down: `kernels/cuda/correlate.py` and `weights.py` gather x where it lies. Sums that are long and
few are cut into parts, as many as the shape alone says, and added in order: the same bits on every run and every GPU.

A pixel in the padding is multiplied as 0, so there a weight that is NaN or infinite makes NaN, where the formula leaves
the term out; and so does a dy that is NaN or infinite in the weights' gradient.
"""

from math import gcd, prod

import numpy as np

from kernels.cuda.correlate import blocks, correlate, sizes
from kernels.cuda.parts import add_parts, transpose
from kernels.cuda.tiles import DEPTH, Axis, division, parts
from kernels.cuda.weights import weights
from kernels.device import scratch


def forward(x, k, b, *, stride, padding, dilation, groups, out, how=""):
    """Compute y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f], into out."""
    N, H, W, C = x.shape
    P, Q, Cg, F = k.shape
    h, w = (
        axis(size, s, d, -pad[0], n, 1, 0, n)
        for size, s, d, pad, n in zip((H, W), stride, dilation, padding, out.shape[1:3], strict=True)
    )
    run([(h, w, (P, Q), k)], x, b, N, (Cg, F // groups), groups, out, how=how)


def backward_data(dy, k, x_shape, *, stride, padding, dilation, groups, out, how=""):
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over the (i,j,p,q,f) that read x[n,h,w,c], into out.

    Pixels whose row and column leave the same rest when divided by the stride have the same taps: each such class is
    one correlation of dy with those taps, and writes every pixel of its own.
    """
    N, H, W, C = x_shape
    P, Q, Cg, F = k.shape
    down, right = (
        list(classes(*each)) for each in zip((H, W), dy.shape[1:3], (P, Q), stride, dilation, padding, strict=True)
    )
    turned = scratch(dy, (k.size + 4 * len(down) * len(right),))
    todo, at = [], 0
    for h, tap_h in down:
        for w, tap_w in right:
            count = tap_h[2], tap_w[2]
            some = turned.part(at, (prod(count) * F // groups, C))
            transpose(k, some, (tap_h, tap_w), groups)
            todo.append((h, w, count, some))
            at += -(-some.size // 4) * 4
    run(todo, dy, None, N, (F // groups, Cg), groups, out, at, how)


def backward_weights(x, dy, k_shape, *, stride, padding, dilation, groups, out, how=""):
    """Compute dk[p,q,c,f] = sum_{n,i,j} x[...] * dy[n,i,j,f], db[f] = sum_{n,i,j} dy[n,i,j,f], into out = (dk, db)."""
    N, H, W, C = x.shape
    P, Q, Cg, F = k_shape
    h, w = (
        axis(size, s, d, -pad[0], n, 1, 0, n)
        for size, s, d, pad, n in zip((H, W), stride, dilation, padding, dy.shape[1:3], strict=True)
    )
    weights(x, dy, h, w, (P, Q), groups, *out, how=how)


def axis(*numbers: int) -> Axis:
    """Return an Axis of Python's integers."""
    return Axis(*map(np.int32, numbers))


def classes(size, results, taps, stride, dilation, pad):
    """For each rest r of a pixel's index by the stride: the Axis of its pixels, and its (first tap, step, number)."""
    every = stride // gcd(stride, dilation)
    for r in range(min(stride, size)):
        some = [p for p in range(min(every, taps)) if (r + pad[0] - dilation * p) % stride == 0]
        first = some[0] if some else 0
        number = -(-(taps - first) // every) if some else 0
        start = (r + pad[0] - dilation * first) // stride
        pixels = -(-(size - r) // stride)
        yield axis(results, 1, -dilation * every // stride, start, pixels, stride, r, size), (first, every, number)


def run(correlations, x, b, images, channels, groups, out, used=0, how=""):
    """Correlations (h, w, taps, k) of x that fill `out` between them. used: elements of the scratch that hold a k.

    how: what multiplies (`kernels/cuda/cores.py`).
    """
    gs = [sizes(h, w, images, taps, channels, groups, 1, 1) for h, w, taps, _ in correlations]
    steps = max(int(g.steps) for g in gs)
    count = parts(sum(prod(blocks(g, x.dtype, groups)) for g in gs), steps)
    to = out if count == 1 else scratch(x, (used + count * out.size,)).part(used, (count * out.size,))
    for g, (_, _, _, k) in zip(gs, correlations, strict=True):
        part = np.int32(-(-int(g.steps) // (DEPTH * count)))
        g = g._replace(parts=np.int32(count), part=part, by_parts=division(count))
        correlate(x, k, b if count == 1 else None, g, groups, to, how)
    if count > 1:
        add_parts(to, count, out, b)
