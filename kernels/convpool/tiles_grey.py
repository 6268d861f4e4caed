"""backward_weights for 3x3 kernels of one channel: a tile holds the nine taps and the bias of many filters.

    dk[p,q,f] = sum_m x[corner[m] + place of argmax[m,f] + (p,q)] * g[m,f],  g = dy where y > 0, else 0

A window's filters chose different pixels. Each of the four pixels is taken in turn, with the gradient of those filters
that chose it and zero for the others: as many products as conv2d's backward has, but nothing is stored and read again.
"""

import numba
import numpy as np

from kernels.convpool.tiles_pooled import list_corners
from kernels.cpu import simd
from kernels.cpu.simd_pooled import SIDE, TAPS, add_grey, tile_of
from kernels.cpu.tiled_sums import list_starts
from kernels.jit import jit

VECS = 2 if simd.REGISTERS == 32 else 1  # ten rows of them fit the registers
ROWS = TAPS + 1  # the weights of a filter, and its bias
TASKS, TASK_WINDOWS = 16, 256  # as many parts, and not less in one: from the shape alone


def fits(k_shape):
    """Return whether the kernel is 3x3 and has one channel."""
    return k_shape[:3] == (SIDE, SIDE, 1)


@jit(parallel=True)
def backward_weights(x, dy, y, argmax, dk, db):
    """Compute dk (3,3,1,F) and db (F,) from x (N,H,W,1) and dy, y, argmax (N,Ho,Wo,F): windows in ordered parts."""
    F, windows = dy.shape[3], dy.shape[0] * dy.shape[1] * dy.shape[2]
    parts = max(1, min(TASKS, windows // TASK_WINDOWS))
    each = -(-windows // parts)
    partial = np.empty((parts, ROWS, F), x.dtype)
    for t in numba.prange(parts):
        first = np.int64(t * each)
        _task(first, min(windows, first + each), x, dy, y, argmax, partial[t].reshape(-1))
    taps = dk.reshape(TAPS, F)
    for part in range(parts):
        for r in range(ROWS):
            for f in range(F):
                before = (taps[r, f] if r < TAPS else db[f]) if part else x.dtype.type(0)
                if r < TAPS:
                    taps[r, f] = before + partial[part, r, f]
                else:
                    db[f] = before + partial[part, r, f]


@jit(inner=True)
def _task(first, last, x, dy, y, argmax, partial):
    """Compute the windows first..last, one block of filters after the other."""
    F, lanes = dy.shape[3], simd.lanes(x)
    corners = list_corners(first, max(0, last - first), x, dy)
    for f in range(0, F, VECS * lanes):
        count = min(VECS * lanes, F - f)
        if count > (VECS - 1) * lanes:
            _sum_windows(tile_of(x, ROWS, VECS), corners, first, last, f, count, x, dy, y, argmax, partial)
        else:
            _sum_windows(tile_of(x, ROWS, 1), corners, first, last, f, count, x, dy, y, argmax, partial)


@jit(inner=True)
def _sum_windows(tile, corners, first, last, f, count, x, dy, y, argmax, partial):
    F, line = dy.shape[3], x.shape[2]
    x_flat, dy_flat, y_flat, argmax_flat = x.reshape(-1), dy.reshape(-1), y.reshape(-1), argmax.reshape(-1)
    for m in range(first, last):
        tile = add_grey(tile, x_flat, corners[m - first], line, dy_flat, y_flat, argmax_flat, m * F + f, count)
    simd.store(tile, partial, simd.row_offsets(tile, list_starts(ROWS, F), 0), f, count)
