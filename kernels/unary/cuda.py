"""One pass over memory, four numbers a thread in one request, compiled for each function and its numbers."""

from functools import cache

from kernels.cuda import exponential  # noqa: F401  (what exp is in a GPU's kernels)
from kernels.cuda.vectors import cuda, each, each_pair
from kernels.device import launch_fours
from kernels.toolchain import simulated
from kernels.unary import formulas
from kernels.unary.functions import make

if not simulated():  # there is nothing to compile
    from numba.cuda.extending import register_jitable  # type: ignore[attr-defined]

    for helper in formulas.HELPERS:
        register_jitable(helper)


def forward(x, function, *, out, **settings):
    """Compute y = f(x), into out."""
    f = make(function, settings)
    launch_fours(_forward_of(type(f), f), x, out)


def backward(dy, x, function, *, out, **settings):
    """Compute dx = dy * f'(x), into out."""
    f = make(function, settings)
    launch_fours(_backward_of(type(f), f), dy, x, out)


@cache
def _forward_of(kind, f):  # two kinds without numbers are equal as tuples
    value = cuda.jit(device=True)(formulas.VALUES[kind])

    def _forward(v):
        return value(f, v)

    return each(_forward)


@cache
def _backward_of(kind, f):
    slope = cuda.jit(device=True)(formulas.SLOPES[kind])

    def _backward(d, v):
        return d * slope(f, v)

    return each_pair(_backward)
