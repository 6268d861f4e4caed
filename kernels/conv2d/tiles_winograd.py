"""Winograd's forward and backward_data: transform squares of x, multiply channel by filter, transform back to y.

For each of a square's t x t places e, M[e] (squares, F) = V[e] (squares, C) times U[e] (C, F), on register tiles. All
of it goes through the caches several times, and what one core wrote is slow to read for another. So a core works alone:
on some squares, where U is small and each core can keep it, else on some filters, for which it transforms k itself.
"""

import numba
import numpy as np

from kernels import simd
from kernels.conv2d.simd_transform import outputs, transform
from kernels.conv2d.winograd_transforms import read_square, scratch_for, write_square
from kernels.jit import jit
from kernels.tiled_sums import aligned, block, block_count, list_rows, sum_block

SMALL = 1 << 18  # numbers of U that a core's second-level cache holds
SQUARES, CACHED = 12, 1 << 17  # at once, at least, and how many numbers of V there may be beyond that


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
        _run_filters_apart(threads, squares, x, image, G, start, before, B, A, y)
    elif y.size:
        _run_squares_apart(threads, squares, x, image, G, start, before, B, A, y)


@jit(inner=True, parallel=True)
def _run_squares_apart(threads, squares, x, k, G, start, before, B, A, y):
    vectors = -(-y.shape[3] // simd.lanes(x))
    U = aligned(block_count(vectors) * outputs(B) ** 2 * panel_size(x.shape[3], x), x)
    each = -(-squares // threads)
    for task in numba.prange(block_count(vectors) * outputs(B)):
        _transform_kernel(task // outputs(B), task % outputs(B), outputs(B), 0, vectors, k, x, y, G, U)
    for task in numba.prange(threads):
        _run(task * each, min(squares, (task + 1) * each), 0, vectors, x, U, start, before, B, A, y)


@jit(inner=True, parallel=True)
def _run_filters_apart(threads, squares, x, k, G, start, before, B, A, y):
    vectors = -(-y.shape[3] // simd.lanes(x))
    each = -(-vectors // threads)
    for task in numba.prange(threads):
        first, last = task * each, min(vectors, (task + 1) * each)
        U = aligned(block_count(max(0, last - first)) * outputs(B) ** 2 * panel_size(x.shape[3], x), x)
        for index in range(block_count(last - first)):
            _transform_kernel(index, 0, 1, first, last, k, x, y, G, U)
        _run(0, squares, first, last, x, U, start, before, B, A, y)


@jit(inner=True)
def _transform_kernel(index, part, parts, first, last, k, x, y, G, U):
    """U[index, e, c, f] = G k[:,:,c,f] G^T for a block of the vectors first..last of filters: e's panel of a product.

    part of parts: every parts-th channel from there on.
    """
    t, C, F, lanes = outputs(G), x.shape[3], y.shape[3], simd.lanes(k)
    apart, scratch = panel_size(C, k), scratch_for(k, G)
    vector, vecs = block(last - first, index)
    at = index * t * t * apart
    for c in range(part, C, parts):
        for v in range(vecs):  # beyond the last filter the next channel's: never stored
            source, target = c * F + (first + vector + v) * lanes, at + (c * vecs + v) * lanes
            read_square(G, k, 0, 0, 0, source, scratch, U, target, t * apart, apart)


@jit(inner=True)
def _run(first, last, first_vector, last_vector, x, U, start, before, B, A, y):
    """y's squares first..last in the vectors first_vector..last_vector of filters, some squares at once."""
    t, C, lanes = outputs(B), x.shape[3], simd.lanes(x)
    most = max(SQUARES, CACHED // max(t * t * C, 1) // SQUARES * SQUARES)
    size = t * t * (most * padded(x) + lanes)
    # in one piece: what is freed in several, the C library soon gives back, and fresh pages are slow
    room = aligned(size + t * t * (most * simd.WIDEST + 1) * lanes, x)
    for s in range(first, last if last_vector > first_vector else first, most):
        squares, V = min(most, last - s), room[:size]
        _transform(s, squares, x, before, B, A, y, V)
        for index in range(block_count(last_vector - first_vector)):
            vector, vecs = block(last_vector - first_vector, index)
            M = room[size : size + t * t * (squares * vecs + 1) * lanes]
            _multiply(squares, C, vecs, V, U, t * t * index * panel_size(C, x), M)
            _transform_back(s, squares, first_vector + vector, vecs, M, start, B, A, y)


@jit(inner=True)
def panel_size(C, x):
    """From place to place of U's panels: no power of two, which caches dislike."""
    return (C * simd.WIDEST + 1) * simd.lanes(x)


@jit(inner=True)
def padded(x):
    """The channels, filled up to whole vectors."""
    return -(-x.shape[3] // simd.lanes(x)) * simd.lanes(x)


@jit(inner=True)
def _transform(first, squares, x, before, B, A, y, V):
    """V[e, s, c] = the transform of the square first + s of x."""
    m, t, lanes = outputs(A), outputs(B), simd.lanes(x)
    down, across, channels = -(-y.shape[1] // m), -(-y.shape[2] // m), padded(x)
    apart, scratch = squares * channels + lanes, scratch_for(x, B)  # not a power of two apart, either
    for s in range(squares):
        n, i, j = place(first + s, down, across, m)
        for c in range(0, x.shape[3], lanes):
            at = s * channels + c
            read_square(B, x, n, i - before[0], j - before[1], c, scratch, V, at, t * apart, apart)


@jit(inner=True)
def _multiply(squares, C, vecs, V, U, at, M):
    """M[e] = V[e] U[e] for every place e and a block of filters, whose panels begin at U[at]."""
    lanes, zero = simd.lanes(V), np.int64(0)
    channels, wide, apart = -(-C // lanes) * lanes, vecs * lanes, panel_size(C, V)
    v_apart, m_apart = squares * channels + lanes, squares * wide + lanes
    runs, zeros = np.zeros((1, 3), np.int64), np.zeros(wide, V.dtype)
    runs[0, 2] = C
    v_rows, m_rows = list_rows(squares, channels), list_rows(squares, wide)
    for e in range(M.size // m_apart):
        source, panel = (V, v_rows, e * v_apart, np.int64(1)), (U, at + e * apart, wide)
        sum_block(vecs, source, panel, zeros, (M[e * m_apart :], m_rows, zero, wide), runs, squares, True)


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
