"""The default: register tiles (kernels/cpu/simd.py), through kernels/dense/tiles.py.

What it changes over `cpu_blocked`: a block's sums stay in registers until they are complete, where the rung below
loads and stores its row of y for every eight terms. One sample alone has no use for tiles of several rows (one_row.py).
"""

import numpy as np

from kernels.conv2d import cpu as conv2d
from kernels.dense import one_row, one_row_int8, tiles

_PLAIN = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}


def forward(x, k, b=None, *, out):
    """Compute y[n,f] = b[f] + sum_c x[n,c] * k[c,f], into out."""
    _way(x).forward(x, k, b, out=out)


def backward_data(dy, k, *, out):
    """Compute dx[n,c] = sum_f dy[n,f] * k[c,f], into out."""
    _way(dy).backward_data(dy, k, out=out)


def backward_weights(x, dy, *, out):
    """Compute dk[c,f] = sum_n x[n,c] * dy[n,f], db[f] = sum_n dy[n,f], into out = (dk, db)."""
    _way(x).backward_weights(x, dy, out=out)


def forward_int8(x, k, b, multiplier, *, x_zero, levels, out):
    """Compute y[n,f] = the level, or the number, of multiplier[f] * (b[f] + sum_c (x - x_zero) * k), into out.

    A sample is an image of one pixel: the tiles are those of the convolution.
    """
    if len(x) == 1 and one_row_int8.fits(k.shape):
        bias = np.zeros(k.shape[1], np.int32) if b is None else b
        one_row_int8.forward(x[0], k, bias, multiplier, x_zero, tuple(levels or (0, 0, 0)), out[0])
        return
    image, kernel, result = x[:, None, None], k[None, None], out[:, None, None]
    conv2d.forward_int8(image, kernel, b, multiplier, x_zero=x_zero, levels=levels, **_PLAIN, out=result)


def _way(rows):
    return one_row if len(rows) == 1 else tiles
