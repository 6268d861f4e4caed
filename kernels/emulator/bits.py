"""What PTX's instructions do with integers where NumPy's operators are not enough: limits, long products, fields."""

import numpy as np

from kernels.emulator.scalars import jit


@jit
def udiv(a, b):
    """Unsigned quotient; all ones where b is 0, as the hardware's own division gives."""
    return a // b if b != np.uint64(0) else np.uint64(0xFFFFFFFFFFFFFFFF)


@jit
def urem(a, b):
    """Unsigned remainder; a where b is 0."""
    return a % b if b != np.uint64(0) else a


@jit
def magnitude(a):
    """Return |a| as uint64, also of the smallest int64."""
    return np.uint64(a) if a >= 0 else np.uint64(0) - np.uint64(a)


@jit
def sdiv(a, b):
    """Signed quotient, truncated; -1 where b is 0."""
    if b == 0:
        return np.uint64(0xFFFFFFFFFFFFFFFF)
    q = magnitude(a) // magnitude(b)
    return q if (a < 0) == (b < 0) else np.uint64(0) - q


@jit
def srem(a, b):
    """Signed remainder, with a's sign; a where b is 0."""
    return np.uint64(a) - sdiv(a, b) * np.uint64(b) if b != 0 else np.uint64(a)


@jit
def umulhi(a, b):
    """Return the upper half of the 128-bit product."""
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    a0, a1, b0, b1 = a & low, a >> half, b & low, b >> half
    middle = a1 * b0 + ((a0 * b0) >> half)
    other = a0 * b1 + (middle & low)
    return a1 * b1 + (middle >> half) + (other >> half)


@jit
def smulhi(a, b):
    """Return the upper half of the signed 128-bit product."""
    high = umulhi(np.uint64(a), np.uint64(b))
    high -= np.uint64(b) if a < 0 else np.uint64(0)
    return high - (np.uint64(a) if b < 0 else np.uint64(0))


@jit
def shl(a, n, width):
    """Return a << n; 0 from the register's width on."""
    return a << np.uint64(n) if n < width else np.uint64(0)


@jit
def ushr(a, n, width):
    """Return a >> n; 0 from the register's width on."""
    return a >> np.uint64(n) if n < width else np.uint64(0)


@jit
def sshr(a, n, width):
    """Return a >> n with the sign kept; only the sign from the register's width on."""
    return a >> np.int64(n if n < width else width - 1)


@jit
def bits_set(a):
    """Return how many bits of a are 1."""
    count = np.uint64(0)
    while a:
        a &= a - np.uint64(1)
        count += np.uint64(1)
    return count


@jit
def leading_zeros(a, width):
    """Zero bits above the highest 1."""
    count = np.uint64(width)
    while a:
        a >>= np.uint64(1)
        count -= np.uint64(1)
    return count


@jit
def highest(a, width, from_top):
    """Compute bfind: the place of the highest 1, or how far it is from the top; all ones if there is none."""
    if a == np.uint64(0):
        return np.uint64(0xFFFFFFFF)
    above = leading_zeros(a, width)
    return above if from_top else np.uint64(width - 1) - above


@jit
def reverse(a, width):
    """Return the bits of a in the opposite order."""
    out = np.uint64(0)
    for _ in range(width):
        out = (out << np.uint64(1)) | (a & np.uint64(1))
        a >>= np.uint64(1)
    return out


@jit
def ones(length):
    """Return `length` ones."""
    return shl(np.uint64(1), length, 64) - np.uint64(1) if length < 64 else np.uint64(0xFFFFFFFFFFFFFFFF)


@jit
def extract(a, position, length, width, signed):
    """Compute bfe: `length` bits of a from `position` on."""
    position, length = position & 255, length & 255
    field = ushr(a, position, width) & ones(length)
    top = min(position + length - 1, width - 1)
    if signed and length > 0 and (a >> np.uint64(top)) & np.uint64(1):
        known = min(length, max(width - position, 0))
        field |= ~ones(known)
    return field


@jit
def insert(a, b, position, length, width):
    """Compute bfi: put the low `length` bits of a into b at `position`."""
    position, length = position & 255, length & 255
    mask = shl(ones(length), position, width)
    return (b & ~mask) | (shl(a, position, width) & mask)


@jit
def permute(a, b, selector):
    """Compute prmt: pick four bytes of the eight of (b, a); a selector's bit 3 spreads the byte's sign instead."""
    both = (b << np.uint64(32)) | a
    out = np.uint64(0)
    for i in range(4):
        pick = (selector >> np.uint64(4 * i)) & np.uint64(15)
        byte = (both >> ((pick & np.uint64(7)) * np.uint64(8))) & np.uint64(255)
        if pick & np.uint64(8):
            byte = np.uint64(255) if byte & np.uint64(128) else np.uint64(0)
        out |= byte << np.uint64(8 * i)
    return out


@jit
def to_tf32(a):
    """Round a float32's bits to 11 significant ones, halves away from 0: what carries over is the exponent's."""
    a = np.uint64(a)
    if a & np.uint64(0x7FFFFFFF) > np.uint64(0x7F800000):
        return np.uint64(0x7FFFFFFF)  # NaN
    if a & np.uint64(0x7F800000) == np.uint64(0x7F800000):
        return a
    return (a + np.uint64(0x1000)) & np.uint64(0xFFFFE000)


@jit
def look_up(a, b, c, table):
    """Compute lop3: for every bit, the table's entry at (a, b, c)."""
    out = np.uint64(0)
    for i in range(8):
        if (table >> np.uint64(i)) & np.uint64(1):
            out |= (a if i & 4 else ~a) & (b if i & 2 else ~b) & (c if i & 1 else ~c)
    return out


@jit
def carry_add(a, b, carry, width):
    """Return the carry out of a + b + carry."""
    if width == 32:
        return (a + b + carry) >> np.uint64(32)
    s = a + b
    return np.uint64(s < a) | np.uint64(s + carry < s)
