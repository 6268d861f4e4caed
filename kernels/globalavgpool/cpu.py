"""The default: all cores, and one instruction for many channels.

An image's pixels are summed in chunks of CHUNK, whatever the number of threads: a thread takes a chunk, and the chunks'
sums are added in their order, so the bits do not depend on the threads. Sums are in float64, which takes up the pixels
four at a time: in float32 a sum far above its terms would swallow them.
A small array stays on one thread (starting the others takes microseconds): the same chunks, the same bits.
"""

import numba
import numpy as np

from kernels.int8 import means
from kernels.jit import jit

SMALL = 32_768  # elements of x below which one thread is quicker
CHUNK = 256  # pixels


def forward(x, *, out):
    """Compute y[n,c] = 1/(H*W) * sum_{h,w} x[n,h,w,c], into out."""
    N, H, W, C = x.shape
    pixels = x.reshape(N, H * W, C)
    sums = np.empty((N, -(-H * W // CHUNK), C))
    (_sums_serial if x.size < SMALL else _sums_parallel)(pixels, sums)
    _combine(sums, H * W, out)


def backward(dy, x_shape, *, out):
    """Compute dx[n,h,w,c] = dy[n,c] / (H*W), into out."""
    N, H, W, C = x_shape
    pixels = out.reshape(N, H * W, C)
    (_spread_serial if out.size < SMALL else _spread_parallel)(_share(dy, H * W), pixels)


@jit()
def _share(dy, pixels):
    """Return dy / pixels, one division a channel."""
    shares, count = np.empty_like(dy), dy.dtype.type(pixels)
    for n in range(dy.shape[0]):
        for c in range(dy.shape[1]):
            shares[n, c] = dy[n, c] / count
    return shares


@jit(parallel=True)
def _sums_parallel(x, sums):
    for t in numba.prange(sums.shape[0] * sums.shape[1]):
        _sum_chunk(t, x, sums)


@jit()
def _sums_serial(x, sums):
    for t in range(sums.shape[0] * sums.shape[1]):
        _sum_chunk(t, x, sums)


@jit(inner=True)
def _sum_chunk(t, x, sums):
    """Sum chunk t = n*K + k, four pixels at a time, so that each sum is loaded and stored once for four."""
    _, K, C = sums.shape
    n, k = t // K, t % K
    start, stop = k * CHUNK, min((k + 1) * CHUNK, x.shape[1])
    fours = stop - (stop - start) % 4
    total = sums[n, k]
    total[:] = 0
    for m in range(start, fours, 4):
        for c in range(C):
            # lesson: globalavgpool.forward
            total[c] += (x[n, m, c] + x[n, m + 1, c]) + (x[n, m + 2, c] + x[n, m + 3, c])
    for m in range(fours, stop):
        for c in range(C):
            total[c] += x[n, m, c]


@jit()
def _combine(sums, pixels, y):
    N, K, C = sums.shape
    for n in range(N):
        for k in range(1, K):
            for c in range(C):
                sums[n, 0, c] += sums[n, k, c]
        for c in range(C):
            y[n, c] = sums[n, 0, c] / pixels


@jit(parallel=True)
def _spread_parallel(share, dx):
    for t in numba.prange(dx.shape[0] * dx.shape[1]):
        for c in range(dx.shape[2]):
            dx[t // dx.shape[1], t % dx.shape[1], c] = share[t // dx.shape[1], c]


@jit()
def _spread_serial(share, dx):
    for n in range(dx.shape[0]):
        for m in range(dx.shape[1]):
            for c in range(dx.shape[2]):
                # lesson: globalavgpool.data
                dx[n, m, c] = share[n, c]


def forward_int8(x, *, x_zero, multiplier, levels, out):
    """Compute y = the level of multiplier/(H*W) * the sum of x - x_zero over the image: one window, into out."""
    N, H, W, C = x.shape
    means.of_windows(x, (H, W), (H, W), (0, 0), x_zero, multiplier, levels, out.reshape(N, 1, 1, C))
