"""A product straight on the register tiles of kernels/cpu/tiled_sums.py: no taps to list, no pixels, few calls.

All three passes are one sum, y[m,f] = start[f] + sum_s left[m*down + s*along] * right[s,f]. forward: left is x, read
along its rows; backward_weights: left is x, read down its columns; backward_data: left is dy, and right is k turned
over. One thread does it, but for backward_weights: there y is dk, which may be large where a batch is small, and
threads take rows of it. For what is larger see kernels/dense/gemm.py.
"""

import numba
import numpy as np

from kernels.cpu import simd, simd_panels
from kernels.cpu.tiled_sums import aligned, block, block_count, copy_rows, list_rows, sum_block
from kernels.jit import jit

LARGE = 1 << 18  # products from which several threads are quicker
SHORT = 256  # samples; sums over more are better cut into parts
ROWS = 96  # rows of dk that a thread takes at a time: whole tiles of 6 or 8
ONE = np.int64(1)  # a plain 1 would be a type of its own, and the product compiled again for it
_NOTHING = {np.dtype(t): np.zeros(0, t) for t in (np.float32, np.float64)}


def forward(x, k, b=None, *, out):
    """y[n,f] = b[f] + sum_c x[n,c] * k[c,f], into out."""
    _forward(x, k, _NOTHING[x.dtype] if b is None else b, out)


def backward_data(dy, k, *, out):
    """dx[n,c] = sum_f dy[n,f] * k[c,f], into out."""
    _backward_data(dy, k, out)


def backward_weights(x, dy, *, out):
    """dk[c,f] = sum_n x[n,c] * dy[n,f], db[f] = sum_n dy[n,f], into out = (dk, db)."""
    run = _backward_weights_parallel if len(x) * out[0].size >= LARGE else _backward_weights
    run(x, dy, *out)


@jit()
def _forward(x, k, b, y):
    start = np.zeros(_padded(y), y.dtype)
    for f in range(b.size):
        start[f] = b[f]
    _product(x.reshape(-1), x.shape[1], ONE, k, k.shape[0], start, y)


@jit()
def _backward_data(dy, k, dx):
    _product(dy.reshape(-1), dy.shape[1], ONE, _turned(k), k.shape[1], np.zeros(_padded(dx), dx.dtype), dx)


@jit()
def _backward_weights(x, dy, dk, db):
    _product(x.reshape(-1), ONE, x.shape[1], dy, dy.shape[0], np.zeros(_padded(dk), dk.dtype), dk)
    _column_sums(dy, db)


@jit(parallel=True)
def _backward_weights_parallel(x, dy, dk, db):
    flat, start = x.reshape(-1), np.zeros(_padded(dk), dk.dtype)
    for t in numba.prange((dk.shape[0] + ROWS - 1) // ROWS):
        c = t * ROWS
        _product(flat[c:], ONE, x.shape[1], dy, dy.shape[0], start, dk[c : c + ROWS])
    _column_sums(dy, db)


@jit(inner=True)
def _padded(y):
    """Columns of y that a tile may reach: the last one's vectors go beyond the end."""
    return y.shape[1] + simd.WIDEST * simd.lanes(y)


@jit(inner=True)
def _turned(k):
    """k with rows for columns, filled up to whole squares."""
    C, F = k.shape
    lanes, square, flat = simd.lanes(k), simd.empty_tile(k, 1), k.reshape(-1)
    turned = np.empty((-(-F // lanes) * lanes, -(-C // lanes) * lanes), k.dtype)
    wide, target = turned.shape[1], turned.reshape(-1)
    for c in range(0, C, lanes):
        for f in range(0, F, lanes):
            count = min(lanes, F - f)
            simd_panels.transpose(square, flat, c * F + f, F, C - c, count, target, f * wide + c, wide)
    return turned


@jit(inner=True)
def _column_sums(dy, db):
    db[:] = 0
    for n in range(dy.shape[0]):
        for f in range(db.size):
            db[f] += dy[n, f]


@jit(inner=True)
def _product(left, down, along, right, steps, start, y):
    """y[m,f] = start[f] + sum_s left[m*down + s*along] * right[s,f]; right may have rows and columns to spare."""
    M, F = y.shape
    lanes, zero, wide = simd.lanes(right), np.int64(0), right.shape[1]
    fresh = not zero  # plain 0 and True would be types of their own, and the tiles compiled again for them
    vectors = -(-F // lanes)
    rows, places = list_rows(M, down), list_rows(M, F)
    run = np.zeros((1, 3), np.int64)
    run[0, 2] = steps
    panel = aligned(steps * simd.WIDEST * lanes, right)
    for index in range(block_count(vectors)):
        first, vecs = block(vectors, index)
        f = first * lanes
        count = min(vecs * lanes, F - f)
        copy_rows(vecs, right.reshape(-1), f, wide, steps, count, panel, zero)
        source, target = (left, rows, zero, along), (y.reshape(-1), places, f, count)
        sum_block(vecs, source, (panel, zero, vecs * lanes), start, target, run, M, fresh)
