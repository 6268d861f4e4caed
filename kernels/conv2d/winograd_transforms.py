"""Winograd's transforms: out = A d A^T for a small matrix A and a square d of vectors, on register tiles.

d's numbers are vectors: the channels of a pixel lie side by side, and all go the same way. Down the columns first,
then along the rows, each a product of matrices: tile[r] += A[r,h] * d[h].
"""

import numpy as np

from kernels import simd
from kernels.jit import jit
from kernels.tiled_sums import SPARE, fill_spare


@jit(inner=True)
def pair(x):
    """How many channels are transformed at once: two vectors of them."""
    return 2 * simd.lanes(x)


@jit(inner=True)
def plan(A, step):
    """A transform by A (R,S) to places `step` apart: A's numbers, its rows', the middle's and the places' offsets."""
    R, S = A.shape
    rows, middle, places = np.empty(R + SPARE, np.int64), np.empty(R + SPARE, np.int64), np.empty(R + SPARE, np.int64)
    for r in range(R):
        rows[r], middle[r], places[r] = r * S, r * S * pair(A), r * step
    fill_spare(rows, R)
    fill_spare(middle, R)
    fill_spare(places, R)
    return A.reshape(-1), rows, middle, places, R, S


@jit(inner=True)
def sandwich(plan, source, scratch, start, f, target, at, row):
    """target[at + r*row + s*step] = start[f] + sum_{h,w} A[r,h] * d[h,w] * A[s,w], `pair` numbers each.

    source (d, first, from h to h, from w to w)   start: numbers that every result begins with, from f on
    """
    if plan[4] > 4:
        _sandwich(simd.low_tile(target, 2, 6), plan, source, scratch, start, f, target, at, row)
    else:
        _sandwich(simd.low_tile(target, 2, 4), plan, source, scratch, start, f, target, at, row)


@jit(inner=True)
def _sandwich(empty, plan, source, scratch, start, f, target, at, row):
    A, rows, middle_rows, target_rows, R, S = plan
    d, first, down, across = source
    wide = simd.width(empty)
    factors = simd.row_offsets(empty, rows, 0)
    places = simd.row_offsets(empty, middle_rows, 0)
    for w in range(S):
        tile, v = empty, first + w * across
        for h in range(S):
            tile = simd.add_outer(tile, A, factors, h, d, v)
            v += down
        simd.store(tile, scratch, places, w * wide, wide)
    places = simd.row_offsets(empty, target_rows, 0)
    for r in range(R):
        tile, v = simd.fill(empty, start, f), r * S * wide
        for w in range(S):
            tile = simd.add_outer(tile, A, factors, w, scratch, v)
            v += wide
        simd.store(tile, target, places, at + r * row, wide)


@jit(inner=True)
def read_square(plan, image, n, h, w, c, scratch, zeros, target, at, row):
    """Transform the S x S pixels of image n from (h,w) on, channels c, c+1, ...; what is outside the image is 0."""
    _, H, W, C = image.shape
    S, wide, flat = plan[5], pair(image), image.reshape(-1)
    source = (flat, ((n * H + h) * W + w) * C + c, W * C, C)
    if h < 0 or h + S > H or w < 0 or w + S > W or c + wide > C:
        copy = scratch[S * SPARE * wide :]
        _copy_square(image, n, h, w, c, S, copy)
        source = (copy, np.int64(0), S * wide, wide)
    sandwich(plan, source, scratch, zeros, np.int64(0), target, at, row)


@jit(inner=True)
def _copy_square(image, n, h, w, c, S, copy):
    _, H, W, C = image.shape
    wide, flat = pair(image), image.reshape(-1)
    for s in range(S * S):
        i, j, line = h + s // S, w + s % S, copy[s * wide : (s + 1) * wide]
        line[:] = 0
        if 0 <= i < H and 0 <= j < W:
            pixel = flat[((n * H + i) * W + j) * C + c : ((n * H + i) * W + j) * C + min(c + wide, C)]
            for e in range(pixel.size):
                line[e] = pixel[e]


@jit(inner=True)
def write_square(plans, source, scratch, start, f, image, n, h, w, c, count):
    """Transform source into the R x R pixels of image n from (h,w) on, `count` channels from c; what is outside: not.

    plans: for steps of a pixel of the image, and for steps of a `pair`.
    """
    _, H, W, C = image.shape
    R, S, wide, flat = plans[0][4], plans[0][5], pair(image), image.reshape(-1)
    whole = h + R <= H and w + R <= W and count == wide
    copy = scratch[S * SPARE * wide :]
    target, at, row, chosen = copy, np.int64(0), R * wide, plans[1]
    if whole:
        target, at, row, chosen = flat, ((n * H + h) * W + w) * C + c, W * C, plans[0]
    sandwich(chosen, source, scratch, start, f, target, at, row)
    for s in range(0 if whole else R * R):
        i, j = h + s // R, w + s % R
        if i < H and j < W:
            line, first = copy[s * wide : s * wide + count], ((n * H + i) * W + j) * C + c
            pixel = flat[first : first + count]
            for e in range(count):
                pixel[e] = line[e]


@jit(inner=True)
def scratch_for(image, A):
    """Room for the middle of a transform by A, and for the copy of a square."""
    R, S = A.shape
    return np.empty((S * SPARE + max(R, S) * max(R, S)) * pair(image), image.dtype)
