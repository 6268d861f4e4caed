"""exp for loops that LLVM turns into vector instructions, float32 and float64.

Numba without Intel's SVML calls libm once an element; this is plain arithmetic, so a loop over it becomes SIMD code.

    n = round(x / ln 2),  r = x - n ln 2,  |r| <= ln(2)/2,  exp(x) = exp(r) * 2^n,  exp(r) = sum_{k=0}^{K} r^k / k!

K = 7 (float32) and 13 (float64) leave a remainder below a tenth of a rounding error. ln 2 is subtracted in two parts
(Cody & Waite 1980): n times the first part is exact. 2^n is multiplied in two halves, so that results underflow
gradually, through the denormal numbers (exp_down leaves that out). exp(inf) = inf, exp(-inf) = 0, exp(NaN) = NaN.
Error: at most 1 ulp in float32 and float64 (0.55 of an ulp is typical; tests/kernels/test_exponential.py).
"""

import math
import platform

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic, overload, register_jitable

from kernels.jit import FASTMATH

# has the CPU that Numba generates code for a fused multiply-add? Every one of Arm's 64-bit ones has
ARM = platform.machine().lower() in ("aarch64", "arm64")
FUSED = "+fma" in cpu_target.target_context.codegen().magic_tuple()[2].split(",") or ARM

# x is held between these: beyond them the result is 0 or inf already, and n stays small
LOW32, HIGH32 = np.float32(-105), np.float32(90)
LOW64, HIGH64 = np.float64(-750), np.float64(711)

# 1.5 * 2^(digits): adding it rounds to an integer, which then stands in the lowest bits of the sum
MAGIC32, MAGIC64 = np.float32(1.5 * 2.0**23), np.float64(1.5 * 2.0**52)

# the same, and a power's bias besides: then what stands there, moved up, is the power itself
BIASED64 = np.float64(1.5 * 2.0**52 + 1023)
LEAST64 = np.float64(-708)  # below, n would be no exponent of a normal number

PER_LN2_32, PER_LN2_64 = np.float32(1 / math.log(2)), np.float64(1 / math.log(2))

# ln 2 in two parts; the first has 9 (21) significant bits. Source: Cephes, expf.c; fdlibm, e_exp.c
FIRST32, SECOND32 = np.float32(0.693359375), np.float32(-2.12194440e-4)
FIRST64, SECOND64 = np.float64(6.93147180369123816490e-01), np.float64(1.90821492927058770002e-10)

A32 = tuple(np.float32(1 / math.factorial(k)) for k in range(8))
A64 = tuple(np.float64(1 / math.factorial(k)) for k in range(14))


@intrinsic
def _times_two_to(typingctx, p, t, magic):
    """Return p * 2^n, where t = magic + n; 2^n is put together from its bits, half of n at a time."""
    if p not in (types.float32, types.float64) or t != p:
        return None
    bits, mantissa, bias = (32, 23, 127) if p == types.float32 else (64, 52, 1023)

    def codegen(context, builder, signature, args):
        integer, number = ir.IntType(bits), args[0].type
        n = builder.sub(builder.bitcast(args[1], integer), builder.bitcast(args[2], integer))
        both = builder.add(n, integer(2 * bias))  # n + two biases: never negative, so it can be halved by a shift
        half = builder.lshr(both, integer(1))
        result = args[0]
        for exponent in (half, builder.sub(both, half)):
            result = builder.fmul(result, builder.bitcast(builder.shl(exponent, integer(mantissa)), number))
        return result

    return p(p, p, p), codegen


@intrinsic
def _power_in(typingctx, t):
    """Return 2^n, where t = BIASED64 + n and 2^n is a normal number."""

    def codegen(context, builder, signature, args):
        bits = builder.shl(builder.bitcast(args[0], ir.IntType(64)), ir.IntType(64)(52))
        return builder.bitcast(bits, args[0].type)

    return types.float64(types.float64), codegen


def exp_down(x):
    """Return e^x for x <= 0 in float64, with fewer instructions: what would be less than e^-708 (3e-308) is 0."""
    return math.exp(x)


def exp(x):
    """Return e^x for a float32 or float64 scalar; to be called in compiled code (outside, it is math.exp)."""
    return math.exp(x)


@register_jitable(fastmath=FASTMATH)
def _finish(one, first, second, q):
    """Return 1 + r + r^2 q, r = first - second. Products that are rounded before they are added come smallest first."""
    r = first - second
    if FUSED:
        return (q * r + one) * r + one
    return one + (first + (r * r * q - second))


def _exp32(x):
    x = LOW32 if x < LOW32 else x  # comparisons let a NaN through
    x = HIGH32 if x > HIGH32 else x
    t = x * PER_LN2_32 + MAGIC32
    n = t - MAGIC32
    first, second = x - n * FIRST32, n * SECOND32
    r = first - second
    q = A32[7]
    q = q * r + A32[6]
    q = q * r + A32[5]
    q = q * r + A32[4]
    q = q * r + A32[3]
    q = q * r + A32[2]
    return _times_two_to(_finish(A32[0], first, second, q), t, MAGIC32)


@register_jitable(fastmath=FASTMATH)
def _series64(first, second):
    """Return exp(first - second). q runs in two chains, even and odd powers, so that fewer steps wait for another."""
    r = first - second
    s = r * r
    even, odd = A64[12], A64[13]
    even, odd = even * s + A64[10], odd * s + A64[11]
    even, odd = even * s + A64[8], odd * s + A64[9]
    even, odd = even * s + A64[6], odd * s + A64[7]
    even, odd = even * s + A64[4], odd * s + A64[5]
    even, odd = even * s + A64[2], odd * s + A64[3]
    return _finish(A64[0], first, second, odd * r + even)


def _exp64(x):
    x = LOW64 if x < LOW64 else x
    x = HIGH64 if x > HIGH64 else x
    t = x * PER_LN2_64 + MAGIC64
    n = t - MAGIC64
    return _times_two_to(_series64(x - n * FIRST64, n * SECOND64), t, MAGIC64)


def _exp_down(x):
    t = x * PER_LN2_64 + BIASED64
    n = t - BIASED64
    y = _series64(x - n * FIRST64, n * SECOND64) * _power_in(t)
    return np.float64(0) if x < LEAST64 else y


@overload(exp_down, jit_options={"fastmath": FASTMATH, "error_model": "numpy"}, inline="always")
def _exp_down_of(x):
    return _exp_down if x == types.float64 else None


@overload(exp, jit_options={"fastmath": FASTMATH, "error_model": "numpy"}, inline="always")
def _exp(x):
    return {types.float32: _exp32, types.float64: _exp64}.get(x)
