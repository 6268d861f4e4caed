"""The arithmetics, each as what it makes of +, -, *, / and of a constant. A number is an integer from 0 to 2^31 - 1.

field: the integers modulo a prime; a fraction is its numerator times the inverse of its denominator.
degree: of the polynomial that the number is, if inputs are variables. Division by one that is not constant: UNBOUNDED.
size: a bound on log2 of that polynomial's common denominator, and of the sum of its numerators' magnitudes over it. The
sum of a product is at most the product of both sums; of single coefficients this would not be so.
depth: how many roundings a term of the number may have gone through.

A `world` is the arithmetic's number and the prime in one integer: one compiled kernel serves them all.
"""

import math

import numpy as np

from kernels.jit import jit

FIELD, DEGREE, SIZE, DEPTH = range(4)
MODES = {"field": FIELD, "degree": DEGREE, "size": SIZE, "depth": DEPTH}
# operation -> how many numbers it takes
ARGUMENTS = {"add": 2, "subtract": 2, "negate": 1, "multiply": 2, "fuse": 3, "divide": 2, "round_off": 1}
UNBOUNDED = 1 << 30  # a degree, size or depth from here on is not known
_PRIME = (1 << 32) - 1
_DENOMINATORS = 1 << 20  # up to here a constant is read as the fraction that it is the rounded value of


def world(mode: int, prime: int = 0) -> int:
    """Return an arithmetic as one integer."""
    return (mode << 32) | prime


def variable(mode: int) -> int:
    """Return what an input is in an arithmetic that needs no values: x has degree 1, coefficient 1, no rounding."""
    return 1 if mode == DEGREE else 0


@jit()
def add(a, b, w):
    """Return a + b."""
    mode = w >> 32
    if mode == FIELD:
        return (a + b) % (w & _PRIME)
    if mode == SIZE:
        return min(a + b + 1, UNBOUNDED)
    return max(a, b) if mode == DEGREE else min(max(a, b) + 1, UNBOUNDED)


@jit()
def subtract(a, b, w):
    """Return a - b."""
    prime = w & _PRIME
    return (a + prime - b) % prime if w >> 32 == FIELD else add(a, b, w)


@jit()
def negate(a, w):
    """Return -a."""
    prime = w & _PRIME
    return (prime - a) % prime if w >> 32 == FIELD else a


@jit()
def multiply(a, b, w):
    """Return a * b."""
    mode = w >> 32
    if mode == FIELD:
        return a * b % (w & _PRIME)
    return min(a + b + (1 if mode == DEPTH else 0), UNBOUNDED)


@jit()
def fuse(a, b, c, w):
    """Return a * b + c, rounded once."""
    mode = w >> 32
    if mode == FIELD:
        return (a * b + c) % (w & _PRIME)
    if mode == SIZE:
        return min(a + b + c + 1, UNBOUNDED)
    return min(max(a + b, c) + (1 if mode == DEPTH else 0), UNBOUNDED)


@jit()
def divide(a, b, w):
    """Return a / b; in a field with no 1/0, the number 0, which no formula asks for."""
    mode = w >> 32
    if mode == FIELD:
        return a * _inverse(b, w & _PRIME) % (w & _PRIME)
    if mode == DEGREE:
        return a if b == 0 else UNBOUNDED
    return min(a + b + (1 if mode == DEPTH else 0), UNBOUNDED)


@jit()
def round_off(a, w):
    """Return a as a number of a shorter type."""
    return min(a + 1, UNBOUNDED) if w >> 32 == DEPTH else a


@jit()
def _inverse(a, prime):
    """Return a^(p - 2)."""
    power, result, left = a, 1, prime - 2
    while left > 0:
        if left & 1:
            result = result * power % prime
        power = power * power % prime
        left >>= 1
    return result


@jit()
def constant(x, single, w):
    """Return a constant, or a number made of shapes alone: the simplest fraction that rounds to it (single: float32).

    If none has a denominator below 2^20, it is the exact binary fraction.
    """
    mode = w >> 32
    if x == 0.0 or mode == DEGREE:
        return 0
    over, under, exact = _fraction(abs(x), single)
    if mode == DEPTH:
        return 0 if exact else 1
    if under == 0:  # none found
        return _binary(x, w)
    if mode == SIZE:
        return _bits(over) + _bits(under)
    prime = w & _PRIME
    value = over % prime * _inverse(under % prime, prime) % prime
    return (prime - value) % prime if x < 0 else value


@jit()
def _fraction(x, single):
    """Return (numerator, denominator, whether x is exactly that), by continued fractions; (0, 0, True) for none."""
    if not x < 4611686018427387904.0:
        return 0, 0, True
    before, over, before_under, under = 1, math.floor(x), 0, 1
    rest = x - math.floor(x)
    while under < _DENOMINATORS:
        found = over / under
        if found == x or (single and np.float32(found) == np.float32(x)):
            return over, under, found == x and under & (under - 1) == 0
        rest = 1.0 / rest
        if not rest < 4611686018427387904.0:
            break
        part = math.floor(rest)
        rest -= math.floor(rest)
        before, over = over, part * over + before
        before_under, under = under, part * under + before_under
    return 0, 0, True


@jit()
def _binary(x, w):
    """Return x = m 2^e exactly."""
    mantissa, exponent = math.frexp(abs(x))
    whole = int(mantissa * 9007199254740992.0)
    exponent -= 53
    if w >> 32 == SIZE:
        return 53 + abs(exponent)
    prime = w & _PRIME
    step = 2 if exponent >= 0 else (prime + 1) // 2
    value = whole % prime
    for _ in range(abs(exponent)):
        value = value * step % prime
    return (prime - value) % prime if x < 0 else value


@jit()
def _bits(n):
    count = 0
    while n > 1:
        count += 1
        n >>= 1
    return count + 1 if count else 0
