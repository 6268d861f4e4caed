"""One sample: no sum is shared between rows, so there is nothing to keep in register tiles, and k is read just once.

What remains is to read k along memory, as fast as the memory gives it. forward adds eight terms to y before it is
stored again; backward_data takes one dot product a row of k; backward_weights writes. The order of every sum depends
on the shape only.
"""

import numba
import numpy as np

from kernels.cpu import lanes
from kernels.jit import jit

ROWS = 128  # rows of k that a thread takes at a time
PARALLEL = 1 << 18  # products; below, one thread is done before several have started
_NOTHING = {np.dtype(t): np.zeros(0, t) for t in (np.float32, np.float64)}


def forward(x, k, b=None, *, out):
    """Compute y[0,f] = b[f] + sum_c x[0,c] * k[c,f], into out."""
    run = _forward_parallel if k.size >= PARALLEL else _forward
    run(x[0], k, _NOTHING[x.dtype] if b is None else b, out[0])


def backward_data(dy, k, *, out):
    """Compute dx[0,c] = sum_f dy[0,f] * k[c,f], into out."""
    run = _backward_data_parallel if k.size >= PARALLEL else _backward_data
    run(dy[0], k, out[0])


def backward_weights(x, dy, *, out):
    """Compute dk[c,f] = x[0,c] * dy[0,f], db[f] = dy[0,f], into out = (dk, db)."""
    dk, db = out
    run = _backward_weights_parallel if dk.size >= PARALLEL else _backward_weights
    run(x[0], dy[0], dk, db)


@jit()
def _forward(x, k, b, y):
    _begin(b, y)
    _add_part(x, k, y)


@jit(inner=True)
def _begin(b, y):
    """Set y[f] = b[f], or 0 without a bias."""
    for f in range(y.size):
        y[f] = b[f] if b.size else 0


@jit(inner=True)
def _add_part(x, k, y):
    """Compute y[f] += sum_c x[c] * k[c,f]."""
    eights = x.size // 8 * 8
    for c in range(0, eights, 8):
        x0, x1, x2, x3, x4, x5, x6, x7 = x[c], x[c + 1], x[c + 2], x[c + 3], x[c + 4], x[c + 5], x[c + 6], x[c + 7]
        for f in range(y.size):
            # lesson: dense.forward
            total = y[f] + x0 * k[c, f]
            total += x1 * k[c + 1, f]
            total += x2 * k[c + 2, f]
            total += x3 * k[c + 3, f]
            total += x4 * k[c + 4, f]
            total += x5 * k[c + 5, f]
            total += x6 * k[c + 6, f]
            y[f] = total + x7 * k[c + 7, f]
    for c in range(eights, x.size):
        for f in range(y.size):
            y[f] += x[c] * k[c, f]


@jit(parallel=True)
def _forward_parallel(x, k, b, y):
    """Add up the parts: threads take rows of k, which lie together in memory, and the parts are added in order."""
    parts = np.zeros(((x.size + ROWS - 1) // ROWS, y.size), y.dtype)
    for t in numba.prange(parts.shape[0]):
        _add_part(x[t * ROWS : (t + 1) * ROWS], k[t * ROWS : (t + 1) * ROWS], parts[t])
    _begin(b, y)
    for t in range(parts.shape[0]):
        for f in range(y.size):
            y[f] += parts[t, f]


@jit()
def _backward_data(dy, k, dx):
    for c in range(dx.size):
        # lesson: dense.data
        dx[c] = lanes.dot(dy, k[c])


@jit(parallel=True)
def _backward_data_parallel(dy, k, dx):
    for t in numba.prange((dx.size + ROWS - 1) // ROWS):
        _backward_data(dy, k[t * ROWS : (t + 1) * ROWS], dx[t * ROWS : (t + 1) * ROWS])


@jit()
def _backward_weights(x, dy, dk, db):
    db[:] = dy
    _fill_rows(x, dy, dk)


@jit(inner=True)
def _fill_rows(x, dy, dk):
    for c in range(x.size):
        for f in range(dy.size):
            # lesson: dense.weights
            dk[c, f] = x[c] * dy[f]


@jit(parallel=True)
def _backward_weights_parallel(x, dy, dk, db):
    db[:] = dy
    for t in numba.prange((x.size + ROWS - 1) // ROWS):
        _fill_rows(x[t * ROWS : (t + 1) * ROWS], dy, dk[t * ROWS : (t + 1) * ROWS])
