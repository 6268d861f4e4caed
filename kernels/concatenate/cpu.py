"""The default: all cores. The axes behind the chosen one run on in memory, so an array is rows, each copied at once.

A small array stays on one thread (starting the others takes microseconds): the same copies.
"""

from math import prod

import numba

from kernels.jit import jit

SMALL = 32_768  # elements below which one thread is quicker


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
    for r in numba.prange(x.shape[0]):
        for i in range(x.shape[1]):
            y[r, start + i] = x[r, i]


@jit()
def _put_serial(x, y, start):
    for r in range(x.shape[0]):
        for i in range(x.shape[1]):
            # lesson: concatenate.forward
            y[r, start + i] = x[r, i]


@jit(parallel=True)
def _take_parallel(dy, start, dx):
    for r in numba.prange(dx.shape[0]):
        for i in range(dx.shape[1]):
            dx[r, i] = dy[r, start + i]


@jit()
def _take_serial(dy, start, dx):
    for r in range(dx.shape[0]):
        for i in range(dx.shape[1]):
            # lesson: concatenate.data
            dx[r, i] = dy[r, start + i]
