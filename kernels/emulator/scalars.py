"""Values and their bits, and what PTX does with floating-point numbers where NumPy's operators are not enough."""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.jit import jit as _jit


def jit(function: Any) -> Any:
    """Exact arithmetic, nothing fused: the kernel's own compiler has decided where a multiply-add is one.

    Without Numba's reference counting: nothing is allocated here, and counting each array at each call took most time.
    """
    return _jit(inner=True, fastmath=False, _nrt=False)(function)


def inlined(function: Any) -> Any:
    """Do as `jit`, within each caller: to hand on all that a machine consists of takes longer than a short function."""
    return _jit(inner=True, fastmath=False, _nrt=False, forceinline=True)(function)


@intrinsic
def f32(typing: Any, bits: Any) -> Any:
    """Return the float32 whose bits are the low half of a uint64."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(builder.trunc(arguments[0], ir.IntType(32)), ir.FloatType())

    return types.float32(types.uint64), build


@intrinsic
def b32(typing: Any, value: Any) -> Any:
    """Return a float32's bits, as a uint64."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.zext(builder.bitcast(arguments[0], ir.IntType(32)), ir.IntType(64))

    return types.uint64(types.float32), build


@intrinsic
def f64(typing: Any, bits: Any) -> Any:
    """Return the float64 with these bits."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.uint64), build


@intrinsic
def b64(typing: Any, value: Any) -> Any:
    """Return a float64's bits."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.uint64(types.float64), build


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a * b + c, rounded once."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return a(a, b, c), build


@jit
def z(a):
    """.ftz: a denormal float32 becomes the zero of its sign."""
    return np.float32(math.copysign(np.float32(0), a)) if abs(a) < np.float32(1.1754943508222875e-38) else a


@jit
def minimum(a, b):
    """Return the smaller; the other if one is NaN; -0 before +0."""
    if a != a:
        return b
    return a if b != b or a < b or (a == b and math.copysign(1.0, a) < 0) else b


@jit
def maximum(a, b):
    """Return the larger; the other if one is NaN; +0 before -0."""
    if a != a:
        return b
    return a if b != b or a > b or (a == b and math.copysign(1.0, a) > 0) else b


@jit
def even(a):
    """Round to the nearest integer, halves to the even one."""
    return np.rint(a)


@jit
def directed(s, error, mode):
    """Return float32 of s + error (error is what s lacks), rounded towards 0 (mode 0), -inf (1) or +inf (2)."""
    y = np.float32(s)
    if not abs(s) < math.inf:
        return y
    up = mode == 2 or (mode == 0 and s < 0)
    wide = np.float64(y)
    if up and (wide < s or (wide == s and error > 0)):
        return np.nextafter(y, np.float32(math.inf))
    if not up and (wide > s or (wide == s and error < 0)):
        return np.nextafter(y, np.float32(-math.inf))
    return y


@jit
def directed_integer(magnitude, negative, digits, mode):
    """Return +-magnitude as float64 of so many binary digits, rounded towards 0 (mode 0), -inf (1) or +inf (2)."""
    unit = np.uint64(1)
    while magnitude // unit >= np.uint64(1) << np.uint64(digits):
        unit += unit
    whole = magnitude // unit
    if whole * unit != magnitude and mode == (1 if negative else 2):
        whole += np.uint64(1)
    value = np.float64(whole) * np.float64(unit)
    return -value if negative else value


@jit
def add_directed(a, b, mode):
    """Return float64 a + b as float32, rounded in a direction."""
    s = a + b
    t = s - a
    return directed(s, (a - (s - t)) + (b - t), mode)


@jit
def to_integer(a, low, high, top):
    """Turn an integral float64 into 64 bits, clamped to [low, high]; 0 for NaN. `top` stands for too large."""
    if a != a:
        return np.uint64(0)
    if a >= high:
        return top
    if a <= low:
        return np.uint64(np.int64(low))
    return np.uint64(np.int64(a)) if a < 9.0e18 else np.uint64(a)
