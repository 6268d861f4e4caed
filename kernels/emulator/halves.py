"""The 16-bit numbers, float16 and bfloat16: their values are float64 here, where they are exact, and rounded back once.

A sum that float64 cannot hold is rounded to odd there: 53 bits whose last says that something was cut off. Rounding
those to the 11 or 8 bits of a result is the same as rounding the exact sum (Boldo and Melquiond, 2008).
"""

import math

import numpy as np

from kernels.emulator.scalars import b64, even, f64, jit

NEAREST, TO_ZERO, DOWN, UP = range(4)


@jit
def to_odd(s, error):
    """Return s + error (error is what s lacks) rounded to odd; s as it is if it is no finite number."""
    if error == 0.0 or not abs(s) < math.inf or b64(s) & np.uint64(1):
        return s
    away = (error > 0.0) == (s > 0.0)
    return f64(b64(s) + np.uint64(1) if away else b64(s) - np.uint64(1))


@jit
def sum_to_odd(a, b):
    """Return a + b, rounded to odd."""
    s = a + b
    t = s - a
    return to_odd(s, (a - (s - t)) + (b - t))


@jit
def integer_to_odd(magnitude):
    """Return a uint64 as float64, rounded to odd."""
    if magnitude < np.uint64(1 << 53):
        return np.float64(magnitude)
    cut = magnitude >> np.uint64(11)
    if magnitude & np.uint64(0x7FF):
        cut |= np.uint64(1)
    return np.float64(cut) * 2048.0


@jit
def signed_to_odd(a):
    """Return an int64 as float64, rounded to odd."""
    return -integer_to_odd(np.uint64(0) - np.uint64(a)) if a < 0 else integer_to_odd(np.uint64(a))


@jit
def _narrow(a, digits, lowest, mode):
    """Round a float64 to `digits` significant bits and exponents from `lowest` to -lowest + 1; its bits.

    The exponent's field and the digits are one number, so that a carry from the digits is the exponent's.
    """
    sign = np.uint64(0x8000) if math.copysign(1.0, a) < 0 else np.uint64(0)
    infinite = np.uint64(2 * (1 - lowest) + 1) << np.uint64(digits - 1)
    if a != a:
        return np.uint64(0x7FFF)
    size = abs(a)
    exponent = max(np.int64(b64(size) >> np.uint64(52)) - 1023, lowest)
    if exponent > 1 - lowest:
        bits = infinite
    else:
        scaled = size * f64(np.uint64(1023 - exponent + digits - 1) << np.uint64(52))
        whole = even(scaled)
        if mode != NEAREST:
            away = mode == (DOWN if sign else UP)
            whole = np.ceil(scaled) if away else np.floor(scaled)
        bits = (np.uint64(exponent - lowest) << np.uint64(digits - 1)) + np.uint64(whole)
    if bits >= infinite:
        cut = mode == TO_ZERO or mode == (UP if sign else DOWN)
        bits = infinite - np.uint64(1) if cut and size < math.inf else infinite
    return sign | bits


@jit
def to_f16(a, mode):
    """Return the bits of a float64 as float16, rounded once."""
    return _narrow(a, 11, -14, mode)


@jit
def to_bf16(a, mode):
    """Return the bits of a float64 as bfloat16, rounded once."""
    return _narrow(a, 8, -126, mode)


@jit
def _widen(bits, digits, lowest):
    stored = np.uint64(digits - 1)
    magnitude = bits & np.uint64(0x7FFF)
    field = np.int64(magnitude >> stored)
    whole = np.float64(magnitude & ((np.uint64(1) << stored) - np.uint64(1)))
    if field == 3 - 2 * lowest:
        value = math.inf if whole == 0.0 else math.nan
    else:
        if field:
            whole += np.float64(np.uint64(1) << stored)
        value = whole * f64(np.uint64(max(field, 1) - 1 + lowest - (digits - 1) + 1023) << np.uint64(52))
    return -value if bits & np.uint64(0x8000) else value


@jit
def f16(bits):
    """Return the value of a float16."""
    return _widen(bits, 11, -14)


@jit
def bf16(bits):
    """Return the value of a bfloat16."""
    return _widen(bits, 8, -126)
