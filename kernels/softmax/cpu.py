"""Blocks of rows in three passes: shift each row by its maximum, exp over the whole block, divide by the row's sum.

exp runs over the block and not over a row, for ten classes would leave most of a SIMD register empty. A block stays
in the cache between the passes. A row belongs to one thread, and the order of its sum to its length
(kernels/cpu/lanes.py).
"""

import numba

from kernels.cpu import lanes
from kernels.cpu.exponential import exp
from kernels.jit import jit

BLOCK = 1 << 12  # numbers in a block, or one row if that is more
PARALLEL = 1 << 14  # numbers; below, one thread is done before several have started


def forward(x, *, out):
    """y[m,k] = exp(x[m,k] - max) / sum_j exp(x[m,j] - max), into out."""
    run = _forward_parallel if x.size >= PARALLEL else _forward
    run(x, out, _rows(x))


def backward(dy, y, *, out):
    """dx[m,k] = y[m,k] * (dy[m,k] - sum_j dy[m,j] * y[m,j]), into out."""
    run = _backward_parallel if y.size >= PARALLEL else _backward
    run(dy, y, out, _rows(y))


def _rows(array):
    return max(BLOCK // max(array.shape[1], 1), 1)


@jit()
def _forward_block(x, y):
    M, K = x.shape
    for m in range(M):
        top = lanes.largest(x[m])
        for k in range(K):
            y[m, k] = x[m, k] - top  # a NaN that the maximum passed over is still here
    flat = y.reshape(-1)
    for i in range(flat.size):
        flat[i] = exp(flat[i])
    for m in range(M):
        total = lanes.total(y[m])
        for k in range(K):
            # lesson: softmax.forward
            y[m, k] /= total


@jit()
def _forward(x, y, rows):
    for m in range(0, x.shape[0], rows):
        _forward_block(x[m : m + rows], y[m : m + rows])


@jit(parallel=True)
def _forward_parallel(x, y, rows):
    for block in numba.prange((x.shape[0] + rows - 1) // rows):
        m = block * rows
        _forward_block(x[m : m + rows], y[m : m + rows])


@jit()
def _backward_block(dy, y, dx):
    M, K = y.shape
    for m in range(M):
        mean = lanes.dot(dy[m], y[m])
        for k in range(K):
            # lesson: softmax.data
            dx[m, k] = y[m, k] * (dy[m, k] - mean)


@jit()
def _backward(dy, y, dx, rows):
    _backward_block(dy, y, dx)


@jit(parallel=True)
def _backward_parallel(dy, y, dx, rows):
    for block in numba.prange((y.shape[0] + rows - 1) // rows):
        m = block * rows
        _backward_block(dy[m : m + rows], y[m : m + rows], dx[m : m + rows])
