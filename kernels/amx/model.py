"""What the tile instructions compute, bit for bit, on any processor: the manual's pseudocode, with its roundings.

`tiles` (8,16,16) uint32: eight registers of 16 rows of 64 bytes. A word is a float32, or a pair of bfloat16 numbers,
the first in its lower half. A subnormal number is taken for 0 with its sign, as operand and as result (DAZ, FTZ); sums
round to the nearest, ties to even, whatever the thread's settings. Which NaN an invalid operation gives is left open.
A load or a store outside of its array gives NaN, so that a test sees it.
Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, TDPBF16PS, TILELOADD, TILESTORED.
"""

import numpy as np

from kernels.jit import jit

TILES, ROWS, WORDS = 8, 16, 16
NOT_NUMBERS = np.uint32(0x7FC07FC0)  # a NaN, and a pair of them
UPPER = np.uint32(0xFFFF0000)
LEAST = 2.0**-126  # the smallest normal number
SCALE = 2.0**64


@jit(inner=True)
def zero(tiles, t):
    """Compute TILEZERO: every word of tile t is 0."""
    for r in range(ROWS):
        for j in range(WORDS):
            tiles[t, r, j] = 0


@jit(inner=True)
def load(tiles, t, x, u, step):
    """Compute TILELOADD: row r of tile t is the 16 words of x that begin at u + r*step."""
    words = x.view(np.uint32)
    inside = u >= 0 and u + (ROWS - 1) * step + WORDS <= words.size
    for r in range(ROWS):
        for j in range(WORDS):
            tiles[t, r, j] = words[u + r * step + j] if inside else NOT_NUMBERS


@jit(inner=True)
def store(tiles, t, x, u, step):
    """Compute TILESTORED: the 16 words of x that begin at u + r*step are row r of tile t."""
    words = x.view(np.uint32)
    inside = u >= 0 and u + (ROWS - 1) * step + WORDS <= words.size
    if not inside:
        words[:] = NOT_NUMBERS
    for r in range(ROWS if inside else 0):
        for j in range(WORDS):
            words[u + r * step + j] = tiles[t, r, j]


@jit(inner=True)
def multiply(tiles, t, a, b):
    """Compute TDPBF16PS: t[m,n] += sum over s < 16 and i < 2 of a[m,2s+i] * b[s,2n+i].

    One chain of fused multiply-adds for i = 0 and one for i = 1, each from 0 on; both are added, then added to t.
    """
    left, right, sums = widen(tiles[a]), widen(tiles[b]), tiles.view(np.float32)
    for m in range(ROWS):
        chains = np.zeros((WORDS, 2), np.float32)
        for s in range(WORDS):
            for n in range(WORDS):
                for i in range(2):
                    chains[n, i] = multiply_add(left[m, s, i], right[s, n, i], chains[n, i])
        for n in range(WORDS):
            sums[t, m, n] = flush(flush(sums[t, m, n]) + flush(chains[n, 0] + chains[n, 1]))


@jit(inner=True)
def widen(tile):
    """Return a tile's pairs of bfloat16 numbers as float32 (16,16,2): the same bits, with 16 zeros behind; flushed."""
    pairs = np.empty((ROWS, WORDS, 2), np.uint32)
    for r in range(ROWS):
        for j in range(WORDS):
            pairs[r, j, 0], pairs[r, j, 1] = tile[r, j] << np.uint32(16), tile[r, j] & UPPER
    wide = pairs.view(np.float32)
    for r in range(ROWS):
        for j in range(WORDS):
            wide[r, j, 0], wide[r, j, 1] = flush(wide[r, j, 0]), flush(wide[r, j, 1])
    return wide


@jit(inner=True)
def flush(x):
    """Return x, or 0 with its sign if it is subnormal."""
    return x * np.float32(0) if abs(x) < LEAST else x


@jit(inner=True)
def multiply_add(a, b, c):
    """Return a*b + c of bfloat16 numbers a, b and a float32 c, none of them subnormal, rounded once.

    float64 holds a*b exactly, and the sum too, unless the smaller addend is below 2^-28 of the larger, which then is
    the nearest float32 in any case. Below 2^-100 the sum is scaled, to be rounded to 24 bits before it is flushed.
    """
    total = np.float64(a) * np.float64(b) + np.float64(c)
    if not 0 < abs(total) < 2.0**-100:
        return np.float32(total)
    nearest = np.float32(total * SCALE)
    if abs(nearest) < LEAST * SCALE:
        return np.float32(nearest * np.float32(0))
    return np.float32(np.float64(nearest) / SCALE)
