"""One pass over memory in SIMD code, exp included (kernels/cpu/exponential.py); large arrays on all cores.

With e = exp(-|x|), which cannot overflow, f(x) = 1/(1+e) for x >= 0 and e/(1+e) for x < 0.
"""

import math

import numba

from kernels.cpu.exponential import exp
from kernels.jit import jit

BLOCK = 1 << 13  # numbers a thread takes at a time
PARALLEL = 1 << 15  # below, one thread is done before several have started


def forward(x, *, out):
    """y = 1 / (1 + exp(-x)), into out."""
    run = _forward_parallel if x.size >= PARALLEL else _forward
    run(x.reshape(-1), out.reshape(-1))


def backward(dy, y, *, out):
    """dx = dy * y * (1 - y), into out."""
    run = _backward_parallel if y.size >= PARALLEL else _backward
    run(dy.reshape(-1), y.reshape(-1), out.reshape(-1))


@jit()
def _forward(x, y):
    one = x.dtype.type(1)
    for i in range(x.size):
        e = exp(-math.fabs(x[i]))
        # lesson: sigmoid.forward
        y[i] = (e if x[i] < 0 else one) / (one + e)


@jit(parallel=True)
def _forward_parallel(x, y):
    for block in numba.prange((x.size + BLOCK - 1) // BLOCK):
        i = block * BLOCK
        _forward(x[i : i + BLOCK], y[i : i + BLOCK])


@jit()
def _backward(dy, y, dx):
    one = y.dtype.type(1)
    for i in range(y.size):
        # lesson: sigmoid.data
        dx[i] = dy[i] * y[i] * (one - y[i])


@jit(parallel=True)
def _backward_parallel(dy, y, dx):
    for block in numba.prange((y.size + BLOCK - 1) // BLOCK):
        i = block * BLOCK
        _backward(dy[i : i + BLOCK], y[i : i + BLOCK], dx[i : i + BLOCK])
