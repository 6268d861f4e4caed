"""Winograd's forward and backward_data: transform squares of x, multiply channel by filter, transform back to y.

A task takes some squares, so few that their transforms V and products M stay in the second-level cache, and for each
of a square's t x t places e multiplies on register tiles: M[e] (squares, F) = V[e] (squares, C) times U[e] (C, F).
"""

import numba
import numpy as np

from kernels import simd
from kernels.conv2d.winograd_transforms import read_square, scratch_for, write_square
from kernels.jit import jit
from kernels.simd_transform import outputs, transform
from kernels.tiled_sums import aligned, block, block_count, fill_spare, sum_block

TASKS = 16  # enough for many cores, from the shape alone
SQUARES, CACHED = 24, 1 << 17  # of a task, at least, and how many numbers of V there may be beyond that
ROWS_EACH = 16  # channels of k in one task
LARGE, CHUNK = 1 << 20, 256  # numbers of U that no second-level cache holds; then so many squares at once


@jit()
def correlate_by_2(x, k, b, before, y):
    """y[n,i,j,f] = b[f] + sum x[n, i + p - before[0], j + q - before[1], c] * k[p,q,c,f], by F(2x2,3x3)."""
    _correlate(x, k, b, before, transform(2, "B"), transform(2, "G"), transform(2, "A"), y)


@jit()
def correlate_by_4(x, k, b, before, y):
    """The same by F(4x4,3x3)."""
    _correlate(x, k, b, before, transform(4, "B"), transform(4, "G"), transform(4, "A"), y)


@jit(inner=True)
def _correlate(x, k, b, before, B, G, A, y):
    """B (t,t), G (t,3), A (m,t): the transforms of x, k and back; b may be empty."""
    N, Ho, Wo, F = y.shape
    m, t = outputs(A), outputs(B)
    C, lanes = x.shape[3], simd.lanes(x)
    start = np.zeros(F + lanes, x.dtype)
    for f in range(b.size):
        start[f] = b[f]
    squares = N * -(-Ho // m) * -(-Wo // m)
    each = max(SQUARES, CACHED // max(t * t * C, 1) // SQUARES * SQUARES)
    parts = max(1, -(-squares // each))
    image, size = k.reshape(1, 3, 3, C * F), t * t * block_count(-(-F // lanes)) * panel_size(C, x)
    if y.size and size > LARGE:
        _run_together(min(squares, CHUNK), x, image, G, start, before, B, A, y)
    elif y.size:
        U = aligned(size, x)
        _transform_kernel(image, C, F, G, 0, block_count(-(-F // lanes)), U)
        _run_apart(parts, -(-squares // parts), x, U, start, before, B, A, y)


@jit(inner=True, parallel=True)
def _transform_kernel(k, C, F, G, first, last, U):
    """U[block, e, c, f] = G k[:,:,c,f] G^T for the blocks first..last of filters: for each e the panel of a product."""
    t, lanes, parts = outputs(G), simd.lanes(k), -(-C // ROWS_EACH)
    vectors = -(-F // lanes)
    for task in numba.prange((last - first) * parts):
        vector, vecs = block(vectors, first + task // parts)
        wide, f, scratch = vecs * lanes, vector * lanes, scratch_for(k, G)
        at, apart = t * t * (task // parts) * panel_size(C, k), panel_size(C, k)
        for c in range(task % parts * ROWS_EACH, min(C, (task % parts + 1) * ROWS_EACH)):
            for e in range(0, wide, lanes):  # beyond the last filter the next channel's: never stored
                read_square(G, k, 0, 0, 0, c * F + f + e, scratch, U, at + c * wide + e, t * apart, apart)


@jit(inner=True, parallel=True)
def _run_apart(parts, each, x, U, start, before, B, A, y):
    """Every task for itself: its squares' V, and M of one block after another, stay in its core's cache."""
    m, t, C, F, lanes = outputs(A), outputs(B), x.shape[3], y.shape[3], simd.lanes(x)
    blocks = block_count(-(-F // lanes))
    total = y.shape[0] * -(-y.shape[1] // m) * -(-y.shape[2] // m)
    parts_across = max(1, min(blocks, TASKS // parts))
    for task in numba.prange(parts * parts_across):
        first, share = task // parts_across * each, task % parts_across
        squares = min(each, total - first)
        V, M = _rooms(squares, t, x)
        _transform(first, 0, squares, squares, x, before, B, A, y, V)
        for index in range(blocks * share // parts_across, blocks * (share + 1) // parts_across):
            for e in range(t * t):
                _multiply(e, index, squares, C, F, V, U, t * t * index * panel_size(C, x), M)
            _transform_back(first, 0, squares, squares, index, M, start, B, A, y)


@jit(inner=True)
def _run_together(squares, x, k, G, start, before, B, A, y):
    """All tasks on the same squares and block of filters: each panel of the large U is made and read once for all."""
    m, t, F, lanes = outputs(A), outputs(B), y.shape[3], simd.lanes(x)
    total = y.shape[0] * -(-y.shape[1] // m) * -(-y.shape[2] // m)
    V, M = _rooms(squares, t, x)
    U = aligned(t * t * panel_size(x.shape[3], x), x)
    for first in range(0, total, squares):
        count = min(squares, total - first)
        _transform_all(first, count, x, before, B, A, y, V)
        for index in range(block_count(-(-F // lanes))):
            _transform_kernel(k, x.shape[3], F, G, index, index + 1, U)
            _multiply_all(first, count, index, x.shape[3], start, B, A, y, V, U, M)


@jit(inner=True, parallel=True)
def _transform_all(first, squares, x, before, B, A, y, V):
    for part in numba.prange(-(-squares // 4)):
        _transform(first, part * 4, min(squares, part * 4 + 4), squares, x, before, B, A, y, V)


@jit(inner=True, parallel=True)
def _multiply_all(first, squares, index, C, start, B, A, y, V, U, M):
    t = outputs(B)
    for e in numba.prange(t * t):
        _multiply(e, index, squares, C, y.shape[3], V, U, 0, M)
    for part in numba.prange(-(-squares // 4)):
        _transform_back(first, part * 4, min(squares, part * 4 + 4), squares, index, M, start, B, A, y)


@jit(inner=True)
def _rooms(squares, t, x):
    """V and M, in one piece: what is freed in several, the C library soon gives back, and fresh pages are slow."""
    size = t * t * (squares * padded(x) + simd.lanes(x))
    both = aligned(size + t * t * (squares * simd.WIDEST + 1) * simd.lanes(x), x)
    return both[:size], both[size:]


@jit(inner=True)
def panel_size(C, x):
    """From place to place of U's panels for a block of filters: no power of two, which caches dislike."""
    return (C * simd.WIDEST + 1) * simd.lanes(x)


@jit(inner=True)
def padded(x):
    """The channels, filled up to whole vectors."""
    return -(-x.shape[3] // simd.lanes(x)) * simd.lanes(x)


@jit(inner=True)
def _transform(first, s, last, squares, x, before, B, A, y, V):
    """V[e, s, c] = the transform of the square first + s of x, for s..last of a task's squares."""
    m, t, lanes = outputs(A), outputs(B), simd.lanes(x)
    down, across, channels = -(-y.shape[1] // m), -(-y.shape[2] // m), padded(x)
    apart, scratch = squares * channels + lanes, scratch_for(x, B)  # not a power of two apart, which caches dislike
    for square in range(s, last):
        n, i, j = place(first + square, down, across, m)
        for c in range(0, x.shape[3], lanes):
            at = square * channels + c
            read_square(B, x, n, i - before[0], j - before[1], c, scratch, V, at, t * apart, apart)


@jit(inner=True)
def _multiply(e, index, squares, C, F, V, U, at, M):
    """M[e] = V[e] U[e] for one block of filters, whose panels begin at U[at]."""
    lanes, zero = simd.lanes(V), np.int64(0)
    channels = -(-C // lanes) * lanes
    vector, vecs = block(-(-F // lanes), index)
    wide = vecs * lanes
    runs, zeros = np.zeros((1, 3), np.int64), np.zeros(simd.WIDEST * lanes, V.dtype)
    runs[0, 2] = C
    v_rows, m_rows = list_rows(squares, channels), list_rows(squares, wide)
    source, panel = (V, v_rows, e * (squares * channels + lanes), np.int64(1)), (U, at + e * panel_size(C, V), wide)
    sum_block(vecs, source, panel, zeros, (M[e * (squares * wide + lanes) :], m_rows, zero, wide), runs, squares, True)


@jit(inner=True)
def _transform_back(first, s, last, squares, index, M, start, B, A, y):
    """y's squares first + s .. first + last from M, for one block of filters."""
    m, t, F, lanes = outputs(A), outputs(B), y.shape[3], simd.lanes(y)
    down, across = -(-y.shape[1] // m), -(-y.shape[2] // m)
    vector, vecs = block(-(-F // lanes), index)
    f, each = vector * lanes, vecs * lanes
    apart, scratch = squares * each + lanes, scratch_for(y, A)
    for square in range(s, last):
        n, i, j = place(first + square, down, across, m)
        for e in range(0, min(each, F - f), lanes):
            at, count = square * each + e, min(lanes, F - f - e)
            write_square(A, M, at, t * apart, apart, scratch, start, f + e, y, n, i, j, f + e, count)


@jit(inner=True)
def place(square, down, across, m):
    """(n, i, j) of a square's first pixel in y; an image has `down` x `across` squares of m x m pixels."""
    return square // (down * across), square // across % down * m, square % across * m


@jit(inner=True)
def list_rows(count, step):
    """0, step, 2*step, ...: where `count` rows begin, and a tile's spare rows."""
    rows = np.empty(count + simd.MOST_ROWS, np.int64)
    for r in range(count):
        rows[r] = r * step
    if count:
        fill_spare(rows, count)
    return rows
