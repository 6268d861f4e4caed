"""The means of windows of 8-bit levels: average pooling, and global average pooling, whose window is the image."""

import numba
import numpy as np

from kernels.int8.cpu import to_level
from kernels.jit import jit

SMALL = 131_072  # levels below which one thread is quicker


def of_windows(x, size, stride, before, x_zero, multiplier, levels, y):
    """Compute y = the level of multiplier/R * the sum of x - x_zero over the R real pixels of each window."""
    settings = np.array([*size, *stride, *before, x_zero, *levels])
    (_serial if x.size < SMALL else _parallel)(x, settings, multiplier, y)


@jit(parallel=True)
def _parallel(x, settings, multiplier, y):
    for t in numba.prange(y.shape[0] * y.shape[1]):
        _row(np.int64(t), x, settings, multiplier, y)


@jit()
def _serial(x, settings, multiplier, y):
    for t in range(y.shape[0] * y.shape[1]):
        _row(np.int64(t), x, settings, multiplier, y)


@jit(inner=True)
def _row(t, x, settings, multiplier, y):
    """Compute row t = n*Ho + i of y; `settings` are the numbers that `of_windows` lists."""
    _, H, W, C = x.shape
    _, Ho, Wo, _ = y.shape
    x_zero, zero, low, high = settings[6], settings[7], settings[8], settings[9]
    n, i = t // Ho, t % Ho
    h0, h1 = _inside(i, settings[0], settings[2], settings[4], H)
    total = np.empty(C, np.int32)
    for j in range(Wo):
        w0, w1 = _inside(j, settings[1], settings[3], settings[5], W)
        count = (h1 - h0) * (w1 - w0)
        total[:] = np.int32(-x_zero * count)
        for h in range(h0, h1):
            for w in range(w0, w1):
                pixel = x[n, h, w]
                for c in range(C):
                    total[c] += np.int32(pixel[c])
        target, m = y[n, i, j], np.float32(multiplier) / np.float32(count)
        for c in range(C):
            target[c] = to_level(np.float32(total[c]) * m, zero, low, high)


@jit(inner=True)
def _inside(i, size, stride, before, length):
    """Along one axis: the first pixel of window i inside the image, and the end."""
    start = stride * i - before
    return max(start, 0), min(start + size, length)
