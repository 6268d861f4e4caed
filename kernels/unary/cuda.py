"""One pass over memory, four numbers a thread in one request, compiled for each function and its numbers."""

import math
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

from kernels.cuda.vectors import cuda, each, each_pair
from kernels.device import launch_fours
from kernels.toolchain import simulated
from kernels.unary import formulas as of_the_cpu
from kernels.unary.functions import make


def _copy(module: ModuleType) -> ModuleType:
    """Load the formulas again, with NVIDIA's exp: what Numba has compiled for the CPU it cannot type for a GPU."""
    spec = spec_from_file_location(f"{module.__name__}_cuda", module.__file__)
    assert spec is not None
    assert spec.loader is not None
    copied = module_from_spec(spec)
    spec.loader.exec_module(copied)
    copied.exp = math.exp  # type: ignore[attr-defined]
    return copied


formulas = _copy(of_the_cpu)

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
