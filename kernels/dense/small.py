"""A small product straight on the register tiles of kernels/tiled_sums.py: no taps to list, no pixels, one thread.

All three passes are one sum, y[m,f] = start[f] + sum_s left[m*down + s*along] * right[s,f]. forward: left is x, read
along its rows; backward_weights: left is x, read down its columns; backward_data: left is dy, and right is k turned
over. Where the product is large, conv2d's way of dividing it among threads pays (kernels/gemm.py).
"""

import numpy as np

from kernels import simd
from kernels.jit import jit
from kernels.tiled_sums import SPARE, block, block_count, copy_rows, fill_spare, sum_block

LARGE = 1 << 16  # products from which two threads are quicker
_NOTHING = {np.dtype(t): np.zeros(0, t) for t in (np.float32, np.float64)}


def forward(x, k, b=None, *, out):
    """y[n,f] = b[f] + sum_c x[n,c] * k[c,f], into out."""
    _forward(x, k, _NOTHING[x.dtype] if b is None else b, out)


def backward_data(dy, k, *, out):
    """dx[n,c] = sum_f dy[n,f] * k[c,f], into out."""
    _backward_data(dy, k, out)


def backward_weights(x, dy, *, out):
    """dk[c,f] = sum_n x[n,c] * dy[n,f], db[f] = sum_n dy[n,f], into out = (dk, db)."""
    _backward_weights(x, dy, *out)


@jit()
def _forward(x, k, b, y):
    start = np.zeros(_padded(k), k.dtype)
    for f in range(b.size):
        start[f] = b[f]
    _product(x.reshape(-1), x.shape[1], 1, k, start, y)


@jit()
def _backward_data(dy, k, dx):
    turned = np.empty((k.shape[1], k.shape[0]), k.dtype)
    for f in range(k.shape[1]):
        for c in range(k.shape[0]):
            turned[f, c] = k[c, f]
    _product(dy.reshape(-1), dy.shape[1], 1, turned, np.zeros(_padded(turned), k.dtype), dx)


@jit()
def _backward_weights(x, dy, dk, db):
    _product(x.reshape(-1), 1, x.shape[1], dy, np.zeros(_padded(dy), dy.dtype), dk)
    db[:] = 0
    for n in range(dy.shape[0]):
        for f in range(db.size):
            db[f] += dy[n, f]


@jit(inner=True)
def _padded(right):
    """How many columns of right a tile may read: the last vector goes beyond the end."""
    return right.shape[1] + simd.WIDEST * simd.lanes(right)


@jit(inner=True)
def _product(left, down, along, right, start, y):
    """y[m,f] = start[f] + sum_s left[m*down + s*along] * right[s,f]."""
    M, F = y.shape
    steps, lanes, zero = right.shape[0], simd.lanes(right), np.int64(0)
    vectors = -(-F // lanes)
    rows, places = np.empty(M + SPARE, np.int64), np.empty(M + SPARE, np.int64)
    for m in range(M):
        rows[m], places[m] = m * down, m * F
    if M:
        fill_spare(rows, M)
        fill_spare(places, M)
    run = np.zeros((1, 3), np.int64)
    run[0, 2] = steps
    panel = np.empty(steps * simd.WIDEST * lanes, right.dtype)
    for index in range(block_count(vectors)):
        first, vecs = block(vectors, index)
        f = first * lanes
        count = min(vecs * lanes, F - f)
        copy_rows(vecs, right.reshape(-1), f, F, steps, count, panel, zero)
        source, target = (left, rows, zero, along), (y.reshape(-1), places, f, count)
        sum_block(vecs, source, (panel, zero, vecs * lanes), start, target, run, M, True)
