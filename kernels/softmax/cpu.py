"""Blocks of rows in three passes: shift each row by its maximum, exp over the whole block, divide by the row's sum.

exp runs over the block and not over a row, for ten classes would leave most of a SIMD register empty. A block stays
in the cache between the passes. A row belongs to one thread, and the order of its sum to its length
(kernels/cpu/lanes.py).
"""

import math

import numba

from kernels.cpu import lanes
from kernels.cpu.exponential import exp
from kernels.jit import jit

BLOCK = 1 << 12  # numbers in a block, or one row if that is more
PARALLEL = 1 << 14  # numbers; below, one thread is done before several have started


def forward(x, *, log=False, out):
    """Compute y[m,k] = exp(x[m,k] - max) / sum_j exp(x[m,j] - max), or its logarithm, into out."""
    run = _forward_parallel if x.size >= PARALLEL else _forward
    run(x, out, _rows(x), log)


def backward(dy, y, *, log=False, out):
    """Compute dx[m,k] = y[m,k] * (dy[m,k] - sum_j dy[m,j] * y[m,j]), or with log dy - exp(y) * sum_j dy, into out."""
    run = _backward_parallel if y.size >= PARALLEL else _backward
    run(dy, y, out, _rows(y), log)


def _rows(array):
    return max(BLOCK // max(array.shape[1], 1), 1)


@jit(inner=True)
def _forward_block(x, y, log):
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
        if log:  # from the scores again: the power of an unlikely class is 0, its logarithm is not
            top, logarithm = lanes.largest(x[m]), math.log(total)
            for k in range(K):
                # lesson: log_softmax.forward
                y[m, k] = x[m, k] - top - logarithm
        else:
            for k in range(K):
                # lesson: softmax.forward
                y[m, k] /= total


@jit()
def _forward(x, y, rows, log):
    for m in range(0, x.shape[0], rows):
        _forward_block(x[m : m + rows], y[m : m + rows], log)


@jit(parallel=True)
def _forward_parallel(x, y, rows, log):
    for block in numba.prange((x.shape[0] + rows - 1) // rows):
        m = block * rows
        _forward_block(x[m : m + rows], y[m : m + rows], log)


@jit(inner=True)
def _backward_block(dy, y, dx, log):
    M, K = y.shape
    for m in range(M):
        if log:
            total = lanes.total(dy[m])
            for k in range(K):
                # lesson: log_softmax.data
                dx[m, k] = dy[m, k] - exp(y[m, k]) * total
            continue
        mean = lanes.dot(dy[m], y[m])
        for k in range(K):
            # lesson: softmax.data
            dx[m, k] = y[m, k] * (dy[m, k] - mean)


@jit()
def _backward(dy, y, dx, rows, log):
    _backward_block(dy, y, dx, log)


@jit(parallel=True)
def _backward_parallel(dy, y, dx, rows, log):
    for block in numba.prange((y.shape[0] + rows - 1) // rows):
        m = block * rows
        _backward_block(dy[m : m + rows], y[m : m + rows], dx[m : m + rows], log)
