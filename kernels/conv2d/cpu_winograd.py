"""Beyond `cpu`: 3x3 kernels with fewer multiplications than formula (1) has, Winograd's F(2x2,3x3) and F(4x4,3x3).

A square of m x m outputs reads t x t pixels, t = m + 2. With three small constant matrices B, G and A,

    y = A^T [(G k G^T) * (B x B^T)] A        * number by number, then the sum over channels c

multiplies t^2 numbers a channel and filter where formula (1) multiplies 9 m^2: 16 for 36, or 36 for 144. The transforms
are shared by all filters or all channels, so they pay where there are many of both. backward_data is forward on
dy with k turned by half a turn; backward_weights is the same formula read backwards (tiles_winograd_weights.py).

The price is rounding: pixels are multiplied by up to 5 and subtracted again, so a sum's error is that of its square's
largest terms (registry.OWN_BOUNDS), and one NaN or infinite number spoils the whole square. So it is nobody's default.
Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016; Winograd, 1980.
"""

import numba
import numpy as np

from kernels.conv2d.tiles_winograd import correlate
from kernels.conv2d.tiles_winograd_weights import weights_gradient
from kernels.jit import jit

LARGE = 64  # channels and filters from which on F(4x4,3x3) is chosen: fewer do not repay its transforms


def _matrices(B, G, A):
    """(B (t,t), G (t,3), A^T (m,t)) in each precision."""
    return {np.dtype(t): tuple(np.array(M, np.float64).astype(t) for M in (B, G, A)) for t in (np.float32, np.float64)}


MATRICES = {  # by m
    2: _matrices(
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]) / 2,
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: _matrices(
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ],
        np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24,
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
}
_NOTHING = {np.dtype(t): np.zeros(0, t) for t in (np.float32, np.float64)}


def forward(x, k, b, *, stride, padding, dilation, groups, out):
    """y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, i + p - top, j + q - left, c] * k[p,q,c,f], into out."""
    _check(k.shape, stride, dilation, groups)
    bias = _NOTHING[x.dtype] if b is None else b
    correlate(x, k, bias, (padding[0][0], padding[1][0]), *_chosen(k.shape, k.dtype), out)


def backward_data(dy, k, x_shape, *, stride, padding, dilation, groups, out):
    """dx[n,h,w,c] = sum_{p,q,f} dy[n, h + top - p, w + left - q, f] * k[p,q,c,f], into out."""
    _check(k.shape, stride, dilation, groups)
    turned = np.empty((3, 3, k.shape[3], k.shape[2]), k.dtype)
    _turn(k, turned)
    correlate(dy, turned, _NOTHING[dy.dtype], (2 - padding[0][0], 2 - padding[1][0]), *_chosen(k.shape, k.dtype), out)


def backward_weights(x, dy, k_shape, *, stride, padding, dilation, groups, out):
    """dk[p,q,c,f] = sum_{n,i,j} x[n, i + p - top, j + q - left, c] * dy[n,i,j,f] and db, into out."""
    _check(k_shape, stride, dilation, groups)
    B, G, A = _chosen(k_shape, x.dtype)
    turned = np.ascontiguousarray(G.T), np.ascontiguousarray(A.T)
    weights_gradient(x, dy, (padding[0][0], padding[1][0]), B, *turned, *out)


def _check(k_shape, stride, dilation, groups):
    if k_shape[:2] != (3, 3) or stride != (1, 1) or dilation != (1, 1) or groups != 1:
        raise ValueError(
            "conv2d: variant='cpu_winograd' has only 3x3 kernels with stride 1, dilation 1 and one group, got "
            f"k.shape={k_shape}, stride={stride}, dilation={dilation}, groups={groups}: use variant='cpu'"
        )


def _chosen(k_shape, dtype):
    return MATRICES[4 if min(k_shape[2:]) >= LARGE else 2][np.dtype(dtype)]


@jit(parallel=True)
def _turn(k, turned):
    """turned[p,q,f,c] = k[2-p,2-q,c,f], a line of 16 filters at a time."""
    _, _, C, F = k.shape
    parts = -(-F // 16)
    for task in numba.prange(9 * parts):
        p, q, f = task // parts // 3, task // parts % 3, task % parts * 16
        for c in range(C):
            for e in range(f, min(F, f + 16)):
                turned[p, q, e, c] = k[2 - p, 2 - q, c, e]
