"""The default: all cores. One addition for every two numbers read and one written, so memory sets the time.

A small array stays on one thread (starting the others takes microseconds): the same additions, the same bits.
"""

import numba
import numpy as np

from kernels.int8.cpu import to_level
from kernels.jit import jit

SMALL = 32_768  # elements below which one thread is quicker


def forward(a, b, *, out):
    """Compute y = a + b, into out."""
    (_add_serial if a.size < SMALL else _add_parallel)(a.reshape(-1), b.reshape(-1), out.reshape(-1))


def backward(dy, *, out):
    """Compute da = db = dy, into out = (da, db)."""
    run = _copy_serial if dy.size < SMALL else _copy_parallel
    run(dy.reshape(-1), out[0].reshape(-1), out[1].reshape(-1))


@jit(parallel=True)
def _add_parallel(a, b, y):
    for i in numba.prange(y.size):
        y[i] = a[i] + b[i]


@jit()
def _add_serial(a, b, y):
    for i in range(y.size):
        # lesson: add.forward
        y[i] = a[i] + b[i]


@jit(parallel=True)
def _copy_parallel(dy, da, db):
    for i in numba.prange(dy.size):
        da[i] = dy[i]
        db[i] = dy[i]


@jit()
def _copy_serial(dy, da, db):
    for i in range(dy.size):
        # lesson: add.data
        da[i] = dy[i]
        db[i] = dy[i]


def forward_int8(a, b, *, zeros, factors, multiplier, levels, out):
    """Compute y = the level of multiplier * (factors[0] * (a - zeros[0]) + factors[1] * (b - zeros[1])), into out."""
    run = _add_int8_serial if a.size < SMALL else _add_int8_parallel
    run(a.reshape(-1), b.reshape(-1), zeros, factors, multiplier, tuple(levels), out.reshape(-1))


@jit()
def _add_int8_serial(a, b, zeros, factors, multiplier, levels, y):
    _add_int8(a, b, zeros[0], zeros[1], factors[0], factors[1], multiplier, levels[0], levels[1], levels[2], y)


@jit(parallel=True)
def _add_int8_parallel(a, b, zeros, factors, multiplier, levels, y):
    one, two, first, second = zeros[0], zeros[1], factors[0], factors[1]
    zero, low, high = levels
    for t in numba.prange((a.size + SMALL - 1) // SMALL):
        i, end = t * SMALL, (t + 1) * SMALL
        _add_int8(a[i:end], b[i:end], one, two, first, second, multiplier, zero, low, high, y[i:end])


@jit(inner=True)
def _add_int8(a, b, one, two, first, second, multiplier, zero, low, high, y):
    f, g, start = np.int32(first), np.int32(second), np.int32(-first * one - second * two)
    for i in range(y.size):
        total = np.int32(f * np.int32(a[i]) + g * np.int32(b[i]) + start)
        y[i] = to_level(np.float32(total) * multiplier, zero, low, high)
