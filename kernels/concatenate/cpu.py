"""The default: all cores. The axes behind the chosen one run on in memory, so an array is rows, each copied at once.

A small array stays on one thread (starting the others takes microseconds): the same copies.
"""

from math import prod

import numba
import numpy as np

from kernels.cpu.copying import copy
from kernels.jit import jit

SMALL = 32_768  # elements below which one thread is quicker
ROWS = 64  # that a thread takes at a time


def forward(*arrays, axis, out):
    """Copy every array to its place, into out."""
    rows, start = prod(out.shape[:axis]), 0
    whole = out.reshape(rows, -1) if out.size else out.reshape(rows, 0)
    for x in arrays:
        if not x.size:
            continue
        part = x.reshape(rows, -1)
        (_put_serial if x.size < SMALL else _put_parallel)(part, whole, start)
        start += part.shape[1]


def backward(dy, lengths, *, axis, out):
    """Copy every array's part of dy, into out."""
    rows, start = prod(dy.shape[:axis]), 0
    for dx in out:
        if not dx.size:
            continue
        part = dx.reshape(rows, -1)
        (_take_serial if dx.size < SMALL else _take_parallel)(dy.reshape(rows, -1), start, part)
        start += part.shape[1]


@jit(parallel=True)
def _put_parallel(x, y, start):
    blocks = (x.shape[0] + ROWS - 1) // ROWS
    for t in numba.prange(blocks):
        _put(np.int64(t) * ROWS, min((t + 1) * ROWS, x.shape[0]), x, y, start)


@jit()
def _put_serial(x, y, start):
    _put(np.int64(0), x.shape[0], x, y, start)


@jit(inner=True)
def _put(first, last, x, y, start):
    part, whole, target, source = x.shape[1], y.shape[1], y.reshape(-1), x.reshape(-1)
    for r in range(first, last):
        # lesson: concatenate.forward
        copy(target, r * whole + start, source, r * part, part)  # y[r, start + i] = x[r, i]


@jit(parallel=True)
def _take_parallel(dy, start, dx):
    blocks = (dx.shape[0] + ROWS - 1) // ROWS
    for t in numba.prange(blocks):
        _take(np.int64(t) * ROWS, min((t + 1) * ROWS, dx.shape[0]), dy, start, dx)


@jit()
def _take_serial(dy, start, dx):
    _take(np.int64(0), dx.shape[0], dy, start, dx)


@jit(inner=True)
def _take(first, last, dy, start, dx):
    part, whole, target, source = dx.shape[1], dy.shape[1], dx.reshape(-1), dy.reshape(-1)
    for r in range(first, last):
        # lesson: concatenate.data
        copy(target, r * part, source, r * whole + start, part)  # dx[r, i] = dy[r, start + i]
