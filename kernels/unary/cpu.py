"""One pass over memory in SIMD code, exp included (kernels/cpu/exponential.py); large arrays on all cores.

The loops are compiled for each function by its type, so no number asks which function it is to compute.
"""

import numba
from numba.extending import overload

from kernels.jit import FASTMATH, jit
from kernels.unary.formulas import SLOPES, VALUES
from kernels.unary.functions import make

BLOCK = 1 << 13  # numbers a thread takes at a time
PARALLEL = 1 << 15  # below, one thread is done before several have started


def forward(x, function, *, out, **settings):
    """Compute y = f(x), into out."""
    f = make(function, settings)
    run = _forward_parallel if x.size >= PARALLEL else _forward
    run(f, x.reshape(-1), out.reshape(-1))


def backward(dy, x, function, *, out, **settings):
    """Compute dx = dy * f'(x), into out."""
    f = make(function, settings)
    run = _backward_parallel if x.size >= PARALLEL else _backward
    run(f, dy.reshape(-1), x.reshape(-1), out.reshape(-1))


def value(f, x):
    """Return f(x) for one number; to be called in compiled code."""
    return VALUES[type(f)](f, x)


def slope(f, x):
    """Return f'(x) for one number; to be called in compiled code."""
    return SLOPES[type(f)](f, x)


@overload(value, jit_options={"fastmath": FASTMATH, "error_model": "numpy", "forceinline": True})
def _value(f, x):
    return VALUES[f.instance_class]


@overload(slope, jit_options={"fastmath": FASTMATH, "error_model": "numpy", "forceinline": True})
def _slope(f, x):
    return SLOPES[f.instance_class]


@jit()
def _forward(f, x, y):
    for i in range(x.size):
        # lesson: unary.forward
        y[i] = value(f, x[i])


@jit(parallel=True)
def _forward_parallel(f, x, y):
    for block in numba.prange((x.size + BLOCK - 1) // BLOCK):
        i = block * BLOCK
        _forward(f, x[i : i + BLOCK], y[i : i + BLOCK])


@jit()
def _backward(f, dy, x, dx):
    for i in range(x.size):
        # lesson: unary.data
        dx[i] = dy[i] * slope(f, x[i])


@jit(parallel=True)
def _backward_parallel(f, dy, x, dx):
    for block in numba.prange((x.size + BLOCK - 1) // BLOCK):
        i = block * BLOCK
        _backward(f, dy[i : i + BLOCK], x[i : i + BLOCK], dx[i : i + BLOCK])
