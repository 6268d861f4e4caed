"""One pass over memory without a branch, in SIMD code; large arrays on all cores."""

import numba
import numpy as np

from kernels.jit import jit

BLOCK = 1 << 14  # numbers a thread takes at a time
PARALLEL = 1 << 17  # below, one thread is done before several have started


def forward(x, *, out):
    """Compute y = max(x, 0), NaN where x is NaN, into out."""
    run = _forward_parallel if x.size >= PARALLEL else _forward
    run(x.reshape(-1), out.reshape(-1))


def backward(dy, y, *, out):
    """Compute dx = dy where y > 0, else 0, into out."""
    run = _backward_parallel if y.size >= PARALLEL else _backward
    run(dy.reshape(-1), y.reshape(-1), out.reshape(-1))


@jit()
def _forward(x, y):
    zero = x.dtype.type(0)
    for i in range(x.size):
        # lesson: relu.forward
        y[i] = zero if x[i] <= zero else x[i]  # a NaN is not <= 0


@jit(parallel=True)
def _forward_parallel(x, y):
    for block in numba.prange((x.size + BLOCK - 1) // BLOCK):
        i = block * BLOCK
        _forward(x[i : i + BLOCK], y[i : i + BLOCK])


@jit()
def _backward(dy, y, dx):
    zero = y.dtype.type(0)
    for i in range(y.size):
        v = dy[i]  # read in any case: a read under a condition would not become SIMD code
        # lesson: relu.data
        dx[i] = v if y[i] > zero else zero


@jit(parallel=True)
def _backward_parallel(dy, y, dx):
    for block in numba.prange((y.size + BLOCK - 1) // BLOCK):
        i = block * BLOCK
        _backward(dy[i : i + BLOCK], y[i : i + BLOCK], dx[i : i + BLOCK])


def forward_int8(x, *, zero, out):
    """Compute y = max(x, zero), into out."""
    _forward_int8(x.reshape(-1), zero, out.reshape(-1))


@jit()
def _forward_int8(x, zero, y):
    least = np.int8(zero)
    for i in range(x.size):
        y[i] = x[i] if x[i] > least else least
