"""The depthwise convolution of 8-bit images: channels do not mix, so each is a lane of one vector of 32-bit sums."""

import numba
import numpy as np

from kernels.int8.cpu import to_level
from kernels.jit import jit

LARGE = 1 << 16  # multiply-adds from which several threads are quicker


def depthwise(x, k, b, m, x_zero, levels, stride, before, dilation, groups, threads, y):
    """Compute y[n,i,j,c] = the level, or the number, of m[c] * (b[c] + sum over the window of (x - x_zero) * k)."""
    settings = np.array([*stride, *before, *dilation, x_zero, *levels])
    run = _parallel if threads > 1 and y.size * k.shape[0] * k.shape[1] >= LARGE else _serial
    run(x, k, b, m, settings, y.dtype == np.float32, y)


@jit(parallel=True)
def _parallel(x, k, b, m, settings, real, y):
    for t in numba.prange(y.shape[0] * y.shape[1]):
        _row(np.int64(t), x, k, b, m, settings, real, y)


@jit()
def _serial(x, k, b, m, settings, real, y):
    for t in range(y.shape[0] * y.shape[1]):
        _row(np.int64(t), x, k, b, m, settings, real, y)


@jit(inner=True)
def _row(t, x, k, b, m, settings, real, y):
    """Compute row t = n*Ho + i of y; `settings` are the numbers that `depthwise` lists."""
    _, H, W, C = x.shape
    _, Ho, Wo, _ = y.shape
    P, Q, _, _ = k.shape
    down, across, above, left = settings[0], settings[1], settings[2], settings[3]
    x_zero, zero, low, high = np.int32(settings[6]), settings[7], settings[8], settings[9]
    n, i = t // Ho, t % Ho
    total = np.empty(C, np.int32)
    for j in range(Wo):
        total[:] = b
        for p in range(P):
            h = down * i + settings[4] * p - above
            for q in range(Q):
                w = across * j + settings[5] * q - left
                if h >= 0 and h < H and w >= 0 and w < W:
                    pixel, row = x[n, h, w], k[p, q, 0]
                    for c in range(C):
                        total[c] += np.int32((np.int32(pixel[c]) - x_zero) * np.int32(row[c]))
        target = y[n, i, j]
        if real:
            for c in range(C):
                target[c] = np.float32(total[c]) * m[c]
        else:
            for c in range(C):
                target[c] = to_level(np.float32(total[c]) * m[c], zero, low, high)
