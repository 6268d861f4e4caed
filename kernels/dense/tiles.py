"""Products on the register tiles of kernels/cpu/tiled_sums.py: all three passes are one sum.

    y[m,f] = b[f] + sum_s left[m*down + s*along] * right[s,f]

forward: left is x, read along its rows; backward_weights: left is x, read down its columns, and right is dy;
backward_data: left is dy, and right is k turned over. So there is one function to compile. A thread takes blocks of
columns, each with its own panel of `right`, and where these are few a part of the rows. No sum is divided between
threads, and its order depends on the shapes alone.
"""

from math import gcd

import numba
import numpy as np

from kernels.conv2d.panels import pack, pack_transposed
from kernels.cpu import simd
from kernels.cpu.tiled_sums import TILES, allocate, block, block_count, list_starts, sum_block
from kernels.jit import jit
from kernels.scheduler import number_of_threads

LARGE = 1 << 18  # multiply-adds from which several threads are quicker
PANEL_BYTES = 1 << 18  # a panel stays in the second-level cache while all rows pass over it
PACKING_PAYS = 64  # rows that pass over a panel; for fewer, whole rows of `right` are read where they are
ONE = np.int64(1)  # a plain 1 would be a type of its own, and the product compiled again for it
_NOTHING = {np.dtype(t): np.zeros(0, t) for t in (np.float32, np.float64)}


def forward(x, k, b=None, *, out):
    """Compute y[n,f] = b[f] + sum_c x[n,c] * k[c,f], into out.  x (N,C)  k (C,F)  b (F,)."""
    bias = _NOTHING[x.dtype] if b is None else b
    _product(x.reshape(-1), x.shape[1], ONE, k, False, bias, out, _threads(x.size * k.shape[1]))


def backward_data(dy, k, *, out):
    """Compute dx[n,c] = sum_f dy[n,f] * k[c,f], into out.  dy (N,F)  k (C,F)."""
    nothing = _NOTHING[dy.dtype]
    _product(dy.reshape(-1), dy.shape[1], ONE, k, True, nothing, out, _threads(dy.size * k.shape[0]))


def backward_weights(x, dy, *, out):
    """Compute dk[c,f] = sum_n x[n,c] * dy[n,f], db[f] = sum_n dy[n,f], into out = (dk, db).  x (N,C)  dy (N,F)."""
    dk, db = out
    _product(x.reshape(-1), ONE, x.shape[1], dy, False, _NOTHING[x.dtype], dk, _threads(x.size * dy.shape[1]))
    _sum_columns(dy, db)


def _threads(products):
    return number_of_threads() if products >= LARGE else 1


@jit()
def _sum_columns(dy, db):
    for f in range(db.size):
        db[f] = 0
    for n in range(dy.shape[0]):
        for f in range(db.size):
            db[f] += dy[n, f]


@jit()
def _product(left, down, along, right, turned, b, y, threads):
    """Compute the sum, with `right` as it is, (S,F), or turned over, (F,S)."""
    start = np.zeros(y.shape[1] + simd.WIDEST * simd.lanes(y), y.dtype)  # a block's last vector reads beyond the end
    for f in range(b.size):
        start[f] = b[f]
    blocks = block_count(-(-y.shape[1] // simd.lanes(y)))
    parts = max(1, min(threads // gcd(threads, max(blocks, 1)), -(-y.shape[0] // TILES)))
    rows = max(TILES, -(-y.shape[0] // (parts * TILES)) * TILES)
    parts = -(-y.shape[0] // rows)  # fewer, if the last ones would begin beyond the end
    if threads == 1:  # done before a second thread would have started
        for index in range(blocks):
            _block(index, np.int64(0), y.shape[0], left, down, along, right, turned, start, y)
    else:
        _blocks_parallel(blocks, parts, rows, left, down, along, right, turned, start, y)


@jit(inner=True, parallel=True)
def _blocks_parallel(blocks, parts, rows, left, down, along, right, turned, start, y):
    for t in numba.prange(blocks * parts):
        first = t // blocks * rows
        _block(t % blocks, first, min(first + rows, y.shape[0]), left, down, along, right, turned, start, y)


@jit(inner=True)
def _block(index, first, last, left, down, along, right, turned, start, y):
    """Compute the rows first..last of a block of columns, one panel of `right` after another."""
    F, steps = y.shape[1], right.shape[1] if turned else right.shape[0]
    lanes, zero = simd.lanes(y), np.int64(0)  # a plain 0 would be a type of its own in a tuple
    vector, vecs = block(-(-F // lanes), index)
    f, wide = vector * lanes, vecs * lanes
    valid = min(wide, F - f)
    most = max(1, min(steps, PANEL_BYTES // (y.itemsize * wide)))
    panel = allocate(most * wide + wide * lanes, y)  # a last square may write beyond its end
    places = right.reshape(1, 1, right.shape[0], right.shape[1])
    rows = last - first
    as_it_is = not turned and valid == wide and rows < PACKING_PAYS
    x_starts, y_starts, run = list_starts(rows, down), list_starts(rows, F), np.zeros((1, 3), np.int64)
    for r in range(y_starts.size):
        y_starts[r] += first * F
    fresh = True
    for step in range(0, max(steps, 1), most):
        run[0, 2] = min(most, steps - step)
        if as_it_is:
            columns = (right.reshape(-1), step * F + f, F)
        else:
            columns = (panel, zero, wide)
            if turned:
                pack_transposed(places, zero, ONE, step, run[0, 2], f, valid, vecs, panel)
            else:
                pack(places, zero, ONE, step, run[0, 2], f, valid, vecs, panel)
        source = (left, x_starts, first * down + step * along, along)
        sum_block(vecs, source, columns, start, (y.reshape(-1), y_starts, f, valid), run, rows, fresh)
        fresh = False
