"""The default: windows in register tiles, and backward only the products that are not zero.

forward (tiles_pooled.py): a tile's rows are whole windows, so that one number of four leaves the registers.
backward: a window's gradient has one pixel a filter, and nothing for the other three.
  Channels that fill vectors (tiles_argmax.py): a vector holds channels of the pixel that one filter chose. Gain: a
  quarter of the products, and the gradient is never spread over an array four times its size.
  One channel (tiles_grey.py): a vector holds filters; all products, but in registers.
Other kernels than 3x3 spread the gradient and leave the rest to conv2d.
"""

import numpy as np

from kernels import targets
from kernels.conv2d import cpu as conv2d
from kernels.conv2d.tiles_int8 import correlate as correlate_int8
from kernels.convpool import tiles_argmax, tiles_grey, tiles_pooled
from kernels.convpool.settings import PLAIN, WINDOW
from kernels.maxpool2d import cpu as maxpool2d
from kernels.relu import cpu as relu
from kernels.scheduler import number_of_threads

_NOTHING = {np.dtype(t): np.zeros(0, t) for t in (np.float32, np.float64)}


def forward(x, k, b, *, out):
    """Compute y[n,i,j,f] = max(0, the largest of the convolution's results in window (i,j)), into out = (y, argmax)."""
    tiles_pooled.forward(x, k, _NOTHING[x.dtype] if b is None else b, number_of_threads(), *out)


def backward_data(dy, y, argmax, k, x_shape, *, out):
    """Compute dx[n,h+p,w+q,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over windows with y > 0 that chose (h,w), into out."""
    if tiles_argmax.fits(k.shape):
        tiles_argmax.backward_data(dy, y, argmax, k, out)
    else:
        conv2d.backward_data(_to_pixels(dy, y, argmax, x_shape, k.shape), k, x_shape, **PLAIN, out=out)


def backward_weights(x, dy, y, argmax, k_shape, *, out):
    """Compute dk[p,q,c,f] = sum of x[n,h+p,w+q,c] * dy[n,i,j,f] over those windows, and db, into out = (dk, db)."""
    if tiles_argmax.fits(k_shape):
        tiles_argmax.backward_weights(x, dy, y, argmax, *out)
    elif tiles_grey.fits(k_shape):
        tiles_grey.backward_weights(x, dy, y, argmax, *out)
    else:
        spread = _to_pixels(dy, y, argmax, x.shape, k_shape)
        conv2d.backward_weights(x, spread, k_shape, **PLAIN, out=out)


def forward_int8(x, k, b, multiplier, *, x_zero, levels, stride, padding, dilation, groups, out):
    """Compute the largest level of each window of an 8-bit convolution, into out: a window is a tile of four rows."""
    bias, before = np.zeros(k.shape[3], np.int32) if b is None else b, (padding[0][0], padding[1][0])
    settings = (tuple(levels), stride, before, dilation, groups)
    correlate_int8(x, k, bias, multiplier, x_zero, *settings, number_of_threads(), out, pooled=True)


def _to_pixels(dy, y, argmax, x_shape, k_shape):
    """Return the gradient with respect to the convolution's result."""
    g = targets.empty_like(dy)
    relu.backward(dy, y, out=g)
    z_shape = (x_shape[0], x_shape[1] - k_shape[0] + 1, x_shape[2] - k_shape[1] + 1, k_shape[3])
    spread = targets.empty(z_shape, dy.dtype, "cpu")
    maxpool2d.backward(g, argmax, z_shape, **WINDOW, out=spread)
    return spread
