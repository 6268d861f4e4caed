"""Winograd's forward and backward_data: transform squares of x, multiply channel by filter, transform back to y.

For each of a square's t x t places e, M[e] (squares, F) = V[e] (squares, C) times U[e] (C, F), on register tiles. All
of it goes through the caches several times, so a task is cut to fit its core's: some squares, where U is small and each
core can keep it; else some filters, whose U and M stay while all squares' V pass by.
"""

import numba
import numpy as np

from kernels import simd
from kernels.conv2d.winograd_transforms import read_square, scratch_for, write_square
from kernels.jit import jit
from kernels.simd_transform import outputs, transform
from kernels.tiled_sums import aligned, block, block_count, fill_spare, sum_block

SMALL = 1 << 18  # numbers of U that a core's second-level cache holds
SQUARES, CACHED = 12, 1 << 15  # of a task, at least, and how many numbers of V there may be beyond that
ROWS_EACH = 16  # channels of k in one task
CHUNK, VECTORS = 256, 2  # where U is large: so many squares at once, so many vectors of filters a task


@jit()
def correlate_by_2(x, k, b, before, threads, y):
    """y[n,i,j,f] = b[f] + sum x[n, i + p - before[0], j + q - before[1], c] * k[p,q,c,f], by F(2x2,3x3)."""
    _correlate(x, k, b, before, transform(2, "B"), transform(2, "G"), transform(2, "A"), threads, y)


@jit()
def correlate_by_4(x, k, b, before, threads, y):
    """The same by F(4x4,3x3)."""
    _correlate(x, k, b, before, transform(4, "B"), transform(4, "G"), transform(4, "A"), threads, y)


@jit(inner=True)
def _correlate(x, k, b, before, B, G, A, threads, y):
    """B (t,t), G (t,3), A (m,t): the transforms of x, k and back; b may be empty."""
    N, Ho, Wo, F = y.shape
    m, t = outputs(A), outputs(B)
    C, lanes = x.shape[3], simd.lanes(x)
    start = np.zeros(F + lanes, x.dtype)
    for f in range(b.size):
        start[f] = b[f]
    squares, image = N * -(-Ho // m) * -(-Wo // m), k.reshape(1, 3, 3, C * F)
    if y.size and t * t * C * F > SMALL:
        _run_filters_apart(squares, x, image, G, start, before, B, A, threads, y)
    elif y.size:
        U = aligned(t * t * block_count(-(-F // lanes)) * panel_size(C, simd.WIDEST, x), x)
        _transform_kernel(image, C, F, G, U)
        each = max(SQUARES, CACHED // max(t * t * C, 1) // SQUARES * SQUARES)
        each = min(each, -(-squares // threads))
        _run_squares_apart(-(-squares // each), each, squares, x, U, start, before, B, A, y)


@jit(inner=True, parallel=True)
def _transform_kernel(k, C, F, G, U):
    """U[block, e, c, f] = G k[:,:,c,f] G^T: for each block of filters and e the panel of a product."""
    t, parts = outputs(G), -(-C // ROWS_EACH)
    vectors = -(-F // simd.lanes(k))
    for task in numba.prange(block_count(vectors) * parts):
        index, c = task // parts, task % parts * ROWS_EACH
        vector, vecs = block(vectors, index)
        at = t * t * index * panel_size(C, simd.WIDEST, k)
        _transform_rows(k, c, min(C, c + ROWS_EACH), C, F, G, vector, vecs, simd.WIDEST, U, at)


@jit(inner=True)
def _transform_rows(k, c, last, C, F, G, vector, vecs, most, U, at):
    """U[at + e * panel + (c, f)] for the channels c..last and the vectors vector ... + vecs of filters."""
    t, lanes, apart = outputs(G), simd.lanes(k), panel_size(C, most, k)
    scratch = scratch_for(k, G)
    for row in range(c, last):
        for v in range(vecs):  # beyond the last filter the next channel's: never stored
            source, target = row * F + (vector + v) * lanes, at + (row * vecs + v) * lanes
            read_square(G, k, 0, 0, 0, source, scratch, U, target, t * apart, apart)


@jit(inner=True, parallel=True)
def _run_squares_apart(parts, each, total, x, U, start, before, B, A, y):
    """A task is some squares: V, and M of one block of filters after another, beside U."""
    t, C, lanes = outputs(B), x.shape[3], simd.lanes(x)
    vectors = -(-y.shape[3] // lanes)
    for task in numba.prange(parts):
        first = task * each
        squares = min(each, total - first)
        size = t * t * (squares * padded(x) + lanes)
        # in one piece: what is freed in several, the C library soon gives back, and fresh pages are slow
        room = aligned(size + t * t * (squares * simd.WIDEST + 1) * lanes, x)
        V, M = room[:size], room[size:]
        _transform(first, 0, squares, squares, x, before, B, A, y, V)
        for index in range(block_count(vectors)):
            vector, vecs = block(vectors, index)
            at = t * t * index * panel_size(C, simd.WIDEST, x)
            for e in range(t * t):
                _multiply(e, 0, squares, squares, C, vecs, V, U, at + e * panel_size(C, simd.WIDEST, x), M)
            _transform_back(first, squares, vector, vecs, M, start, B, A, y)


@jit(inner=True)
def _run_filters_apart(total, x, k, G, start, before, B, A, threads, y):
    """A task is some filters, whose part of U only it makes and reads; V is everybody's."""
    t, blocks = outputs(B), -(-y.shape[3] // (VECTORS * simd.lanes(x)))
    squares, parts = min(total, CHUNK), max(1, -(-threads // blocks))
    V = aligned(t * t * (squares * padded(x) + simd.lanes(x)), x)
    for first in range(0, total, squares):
        count = min(squares, total - first)
        _transform_all(first, count, x, before, B, A, y, V)
        _multiply_all(first, count, blocks, parts, x.shape[3], k, G, start, B, A, y, V)


@jit(inner=True, parallel=True)
def _transform_all(first, squares, x, before, B, A, y, V):
    for part in numba.prange(-(-squares // 4)):
        _transform(first, part * 4, min(squares, part * 4 + 4), squares, x, before, B, A, y, V)


@jit(inner=True, parallel=True)
def _multiply_all(first, squares, blocks, parts, C, k, G, start, B, A, y, V):
    t, F, lanes = outputs(B), y.shape[3], simd.lanes(V)
    each = -(-squares // parts)
    for task in numba.prange(blocks * parts):
        s = task % parts * each
        count, vector = min(each, squares - s), task // parts * VECTORS
        vecs = min(VECTORS, -(-F // lanes) - vector)
        size = t * t * panel_size(C, VECTORS, V)
        room = aligned(size + t * t * (each * VECTORS + 1) * lanes, V)
        U, M = room[:size], room[size:]
        if count > 0:
            _transform_rows(k, 0, C, C, F, G, vector, vecs, VECTORS, U, 0)
            for e in range(t * t):
                _multiply(e, s, count, squares, C, vecs, V, U, e * panel_size(C, VECTORS, V), M)
            _transform_back(first + s, count, vector, vecs, M, start, B, A, y)


@jit(inner=True)
def panel_size(C, vecs, x):
    """From place to place of U's panels, `vecs` vectors wide: no power of two, which caches dislike."""
    return (C * vecs + 1) * simd.lanes(x)


@jit(inner=True)
def padded(x):
    """The channels, filled up to whole vectors."""
    return -(-x.shape[3] // simd.lanes(x)) * simd.lanes(x)


@jit(inner=True)
def _transform(first, s, last, squares, x, before, B, A, y, V):
    """V[e, s, c] = the transform of the square first + s of x, for s..last of `squares`."""
    m, t, lanes = outputs(A), outputs(B), simd.lanes(x)
    down, across, channels = -(-y.shape[1] // m), -(-y.shape[2] // m), padded(x)
    apart, scratch = squares * channels + lanes, scratch_for(x, B)  # not a power of two apart, either
    for square in range(s, last):
        n, i, j = place(first + square, down, across, m)
        for c in range(0, x.shape[3], lanes):
            at = square * channels + c
            read_square(B, x, n, i - before[0], j - before[1], c, scratch, V, at, t * apart, apart)


@jit(inner=True)
def _multiply(e, s, count, squares, C, vecs, V, U, at, M):
    """M[e] = V[e] U[e] for the squares s ... s + count, and a block of filters whose panel begins at U[at]."""
    lanes, zero = simd.lanes(V), np.int64(0)
    channels, wide = -(-C // lanes) * lanes, vecs * lanes
    runs, zeros = np.zeros((1, 3), np.int64), np.zeros(simd.WIDEST * lanes, V.dtype)
    runs[0, 2] = C
    v_rows, m_rows = list_rows(count, channels), list_rows(count, wide)
    source = (V, v_rows, e * (squares * channels + lanes) + s * channels, np.int64(1))
    target = (M[e * (count * wide + lanes) :], m_rows, zero, wide)
    sum_block(vecs, source, (U, at, wide), zeros, target, runs, count, True)


@jit(inner=True)
def _transform_back(first, squares, vector, vecs, M, start, B, A, y):
    """y's squares first, first + 1, ... from M, whose block of filters is `vecs` vectors from `vector` on."""
    m, t, F, lanes = outputs(A), outputs(B), y.shape[3], simd.lanes(y)
    down, across = -(-y.shape[1] // m), -(-y.shape[2] // m)
    f, each = vector * lanes, vecs * lanes
    apart, scratch = squares * each + lanes, scratch_for(y, A)
    for square in range(squares):
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
