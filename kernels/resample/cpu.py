"""The default: all cores, and one instruction for many channels where these are left as they are.

backward is the same loop with the tables turned round: for each place of x, who reads it. So every number has one
writer and its terms one order, whatever the number of threads. Sums are in float64: a pixel may be read very often.
A small array stays on one thread (starting the others takes microseconds): the same rows, the same bits.
"""

import numba
import numpy as np

from kernels.jit import jit
from kernels.resample.taps import tables

SMALL = 32_768  # elements of the result below which one thread is quicker


def forward(x, taps, *, fill, out):
    """Compute y[i,j,..] = sum of weights * x, into out."""
    _run(x, tables(x.shape, taps, False), fill, taps[-1] is None if taps else True, out)


def backward(dy, x_shape, taps, *, out):
    """Compute dx[h,w,..] = sum of weights * dy, into out."""
    _run(dy, tables(x_shape, taps, True), 0.0, taps[-1] is None if taps else True, out)


def _run(x, four, fill, channels_alike, y):
    x, y = (a.reshape((1,) * (4 - a.ndim) + a.shape) for a in (x, y))
    arrays = tuple(a for table in four for a in table)
    (_serial if y.size < SMALL else _parallel)(x, arrays, fill, channels_alike, y)


@jit(parallel=True)
def _parallel(x, tables, fill, alike, y):
    for t in numba.prange(y.shape[0] * y.shape[1]):
        _row(np.int64(t), x, tables, fill, alike, y)


@jit()
def _serial(x, tables, fill, alike, y):
    for t in range(y.shape[0] * y.shape[1]):
        _row(t, x, tables, fill, alike, y)


@jit()
def _row(t, x, tables, fill, alike, y):
    """Compute row t = n*Ho + i of y."""
    s0, p0, w0, s1, p1, w1, s2, p2, w2, s3, p3, w3 = tables
    C = y.shape[3]
    n, i = t // y.shape[1], t % y.shape[1]
    total = np.empty(C)
    for j in range(y.shape[2]):
        if s0[n] == s0[n + 1] or s1[i] == s1[i + 1] or s2[j] == s2[j + 1]:
            for c in range(C):
                y[n, i, j, c] = fill
            continue
        total[:] = -0.0  # the sum of nothing that leaves every number, -0 as well, as it is
        for a in range(s0[n], s0[n + 1]):
            for b in range(s1[i], s1[i + 1]):
                for d in range(s2[j], s2[j + 1]):
                    line, w = x[p0[a], p1[b], p2[d]], w0[a] * w1[b] * w2[d]
                    if alike:
                        for c in range(C):
                            # lesson: resample.forward, resample.data
                            total[c] += w * line[c]
                    else:
                        for c in range(C):
                            for e in range(s3[c], s3[c + 1]):
                                total[c] += w * w3[e] * line[p3[e]]
        for c in range(C):
            y[n, i, j, c] = total[c] if alike or s3[c] < s3[c + 1] else fill
