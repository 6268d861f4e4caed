"""The GPU's default: a dense layer is a convolution of images of one pixel, on the same register tiles.

y = x k, dx = dy k' and dk = x' dy are the products of matrices that `kernels/cuda/correlate.py` and
`kernels/cuda/weights.py` compute: positions are samples, and there is one tap. A product with few rows and columns and
a long sum (a small batch) has its sums cut into parts, which are added in order.
"""

from kernels.conv2d import cuda as conv2d

POINT = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}


def forward(x, k, b, *, out, how=""):
    """Compute y[n,f] = b[f] + sum_c x[n,c] * k[c,f], into out."""
    conv2d.forward(_pixels(x), _taps(k), b, **POINT, out=_pixels(out), how=how)


def backward_data(dy, k, *, out, how=""):
    """Compute dx[n,c] = sum_f dy[n,f] * k[c,f], into out."""
    conv2d.backward_data(_pixels(dy), _taps(k), _pixels(out).shape, **POINT, out=_pixels(out), how=how)


def backward_weights(x, dy, *, out, how=""):
    """Compute dk[c,f] = sum_n x[n,c] * dy[n,f], db[f] = sum_n dy[n,f], into out = (dk, db)."""
    dk, db = out
    conv2d.backward_weights(_pixels(x), _pixels(dy), (1, 1, *dk.shape), **POINT, out=(_taps(dk), db), how=how)


def _pixels(x):
    """Return (N, C) as N images of one pixel."""
    return x.reshape((x.shape[0], 1, 1, x.shape[1]))


def _taps(k):
    """Return (C, F) as one tap."""
    return k.reshape((1, 1, *k.shape))
