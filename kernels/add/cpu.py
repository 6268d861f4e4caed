"""The default: all cores. One addition for every two numbers read and one written, so memory sets the time.

A small array stays on one thread (starting the others takes microseconds): the same additions, the same bits.
"""

import numba

from kernels.jit import jit

SMALL = 32_768  # elements below which one thread is quicker


def forward(a, b, *, out):
    """y = a + b, into out."""
    (_add_serial if a.size < SMALL else _add_parallel)(a.reshape(-1), b.reshape(-1), out.reshape(-1))


def backward(dy, *, out):
    """da = db = dy, into out = (da, db)."""
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
