"""Beyond `cpu`: 3x3 kernels with fewer multiplications than formula (1) has, Winograd's F(2x2,3x3) and F(4x4,3x3).

A square of m x m outputs reads t x t pixels, t = m + 2. With three small constant matrices B, G and A,

    y = A^T [(G k G^T) * (B x B^T)] A        * number by number, then the sum over channels c

multiplies t^2 numbers a channel and filter where formula (1) multiplies 9 m^2: 16 for 36, or 36 for 144. The transforms
are shared by all filters or all channels, so they pay where there are many of both. backward_data is forward on
dy with k turned by half a turn; backward_weights is the same formula read backwards (tiles_winograd_weights.py).

The price is rounding: pixels are multiplied by up to 5 and subtracted again, so a sum's error is that of its square's
largest terms (registry.OWN_BOUNDS), and one NaN or infinite number spoils most of its square: it is nobody's default.
Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016; Winograd, 1980.
"""

import numpy as np

from kernels.conv2d.tiles_winograd import correlate_by_2, correlate_by_4
from kernels.conv2d.tiles_winograd_weights import weights_gradient_by_2, weights_gradient_by_4
from kernels.scheduler import number_of_threads

LARGE = 32  # channels and filters from which on F(4x4,3x3) is chosen: fewer do not repay its transforms
_CORRELATE = {2: correlate_by_2, 4: correlate_by_4}
_WEIGHTS_GRADIENT = {2: weights_gradient_by_2, 4: weights_gradient_by_4}
_NOTHING = {np.dtype(t): np.zeros(0, t) for t in (np.float32, np.float64)}


def forward(x, k, b, *, stride, padding, dilation, groups, out):
    """Compute y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, i + p - top, j + q - left, c] * k[p,q,c,f], into out."""
    _check(k.shape, stride, dilation, groups)
    bias = _NOTHING[x.dtype] if b is None else b
    _CORRELATE[square(k.shape)](x, k, False, bias, (padding[0][0], padding[1][0]), number_of_threads(), out)


def backward_data(dy, k, x_shape, *, stride, padding, dilation, groups, out):
    """Compute dx[n,h,w,c] = sum_{p,q,f} dy[n, h + top - p, w + left - q, f] * k[p,q,c,f], into out."""
    _check(k.shape, stride, dilation, groups)
    before = (2 - padding[0][0], 2 - padding[1][0])
    _CORRELATE[square(k.shape)](dy, k, True, _NOTHING[dy.dtype], before, number_of_threads(), out)


def backward_weights(x, dy, k_shape, *, stride, padding, dilation, groups, out):
    """Compute dk[p,q,c,f] = sum_{n,i,j} x[n, i + p - top, j + q - left, c] * dy[n,i,j,f] and db, into out."""
    _check(k_shape, stride, dilation, groups)
    _WEIGHTS_GRADIENT[square(k_shape)](x, dy, (padding[0][0], padding[1][0]), number_of_threads(), *out)


def _check(k_shape, stride, dilation, groups):
    if k_shape[:2] != (3, 3) or stride != (1, 1) or dilation != (1, 1) or groups != 1:
        raise ValueError(
            "conv2d: variant='cpu_winograd' has only 3x3 kernels with stride 1, dilation 1 and one group, got "
            f"k.shape={k_shape}, stride={stride}, dilation={dilation}, groups={groups}: use variant='cpu'"
        )


def square(k_shape):
    """Return m of F(m x m, 3x3), the side of a square of outputs, for a kernel (3,3,C,F)."""
    return 4 if min(k_shape[2:]) >= LARGE else 2
