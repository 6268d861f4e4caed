"""Winograd's forward and backward_data: transform squares of x, multiply channel by filter, transform back to y.

For each of a square's t x t places e, M[e] (squares, F) = V[e] (squares, C) times U[e] (C, F), on register tiles. All
of it goes through the caches several times, and what one core wrote is slow to read for another. So a core works alone:
on some squares, where U is small and each core can keep it, else on some filters, for which it transforms k itself,
some channels at a time, right before it multiplies by them.
"""

import numba
import numpy as np

from kernels.conv2d.simd_transform import outputs, transform
from kernels.conv2d.winograd_transforms import read_square, scratch_for, transform_kernel, turn, write_square
from kernels.cpu import simd
from kernels.cpu.tiled_sums import allocate, block, block_count, list_starts, widest_for
from kernels.jit import jit

SMALL = 1 << 18  # numbers of U that a core's second-level cache holds
SQUARES, CACHED = 12, 1 << 17  # at once, at least, and how many numbers of V there may be beyond that
HELD, PART = 1 << 20, 1 << 17  # where k is large: numbers of V, which is read rarely, and of U, which is not kept


@jit()
def correlate_by_2(x, k, turned, b, before, threads, y):
    """Compute y[n,i,j,f] = b[f] + sum x[n, i + p - before[0], j + q - before[1], c] * k[p,q,c,f], by F(2x2,3x3).

    turned: with k[2-p,2-q,f,c] instead.
    """
    _correlate(x, k, turned, b, before, transform(2, "B"), transform(2, "G"), transform(2, "A"), threads, y)


@jit()
def correlate_by_4(x, k, turned, b, before, threads, y):
    """Do the same by F(4x4,3x3)."""
    _correlate(x, k, turned, b, before, transform(4, "B"), transform(4, "G"), transform(4, "A"), threads, y)


@jit(inner=True)
def _correlate(x, k, turned, b, before, B, G, A, threads, y):
    """B (t,t), G (t,3), A (m,t): the transforms of x, k and back; b may be empty."""
    N, Ho, Wo, F = y.shape
    m, t = outputs(A), outputs(B)
    C, lanes = x.shape[3], simd.lanes(x)
    start = np.zeros(F + lanes, x.dtype)
    for f in range(b.size):
        start[f] = b[f]
    squares = N * -(-Ho // m) * -(-Wo // m)
    if y.size and t * t * C * F > SMALL:
        _run_filters_apart(threads, squares, x, k, turned, G, start, before, B, A, y)
    elif y.size:
        _run_squares_apart(threads, squares, x, k, turned, G, start, before, B, A, y)


@jit(inner=True, parallel=True)
def _run_squares_apart(threads, squares, x, k, turned, G, start, before, B, A, y):
    C, t, lanes = x.shape[3], outputs(B), simd.lanes(x)
    vectors, apart, size = -(-y.shape[3] // lanes), panel_size(C, x), t * t * panel_size(C, x)
    U = allocate(block_count(vectors) * size, x)
    each = -(-squares // threads)
    image, step = k.reshape(1, 3, 3, k.shape[2] * k.shape[3]), k.shape[3]
    if turned:
        step = vectors * lanes
        image = allocate(9 * padded_channels(x) * step, x).reshape(1, 3, 3, padded_channels(x) * step)
        turn(k, 0, k.shape[2], 0, k.shape[3], image, step)
    for task in numba.prange(block_count(vectors) * t):
        vector, vecs = block(vectors, task // t)
        transform_kernel(image, vector * lanes, step, vecs, task % t, C, t, G, U, task // t * size, apart)
    for task in numba.prange(threads):
        some = (task * each, min(squares, (task + 1) * each))
        run_squares(some, (0, block_count(vectors)), CACHED, x, U, start, before, B, A, y)


@jit(inner=True, parallel=True)
def _run_filters_apart(threads, squares, x, k, turned, G, start, before, B, A, y):
    vectors = -(-y.shape[3] // simd.lanes(x))
    each = -(-vectors // threads)
    for task in numba.prange(threads):
        _run_filters(task * each, min(vectors, (task + 1) * each), squares, x, k, turned, G, start, before, B, A, y)


@jit(inner=True)
def run_squares(range_of_squares, range_of_blocks, held, x, U, start, before, B, A, y):
    """Compute y's squares first..last in the blocks of filters first..last, as many at once as `held` numbers of V."""
    t, C, lanes = outputs(B), x.shape[3], simd.lanes(x)
    (first, last), vectors = range_of_squares, -(-y.shape[3] // lanes)
    most = min(max(last - first, 1), max(SQUARES, held // max(t * t * C, 1) // SQUARES * SQUARES))
    size = t * t * (most * padded_channels(x) + lanes)
    # in one piece: what is freed in several, the C library soon gives back, and fresh pages are slow
    room = allocate(size + t * t * (most * simd.WIDEST + 1) * lanes, x)
    for s in range(first, last, most):
        squares, V = min(most, last - s), room[:size]
        _transform(s, squares, x, before, B, A, y, V)
        for index in range(range_of_blocks[0], range_of_blocks[1]):
            vector, vecs = block(vectors, index)
            M = room[size : size + t * t * (squares * vecs + 1) * lanes]
            _multiply(
                squares, 0, C, padded_channels(x), vecs, V, U, t * t * index * panel_size(C, x), panel_size(C, x), M
            )
            _transform_back(s, squares, vector, vecs, M, start, B, A, y)


@jit(inner=True)
def _run_filters(first, last, count, x, k, turned, G, start, before, B, A, y):
    """Compute all `count` squares of y in the vectors first..last of filters: some channels' U at a time."""
    t, C, lanes = outputs(B), x.shape[3], simd.lanes(x)
    most = min(count, max(SQUARES, HELD // (t * t * C)))
    channels = max(1, PART // (t * t * simd.WIDEST * lanes * lanes)) * lanes
    size, m_size = t * t * (most * padded_channels(x) + lanes), t * t * (most * simd.WIDEST + 1) * lanes
    apart, u_size = panel_size(channels, x), t * t * panel_size(channels, x)
    room = allocate(size + m_size + u_size + 9 * panel_size(channels, x), x)
    U, image, step = room[size + m_size :], k.reshape(1, 3, 3, k.shape[2] * k.shape[3]), k.shape[3]
    if turned:
        step = simd.WIDEST * lanes
        image = room[size + m_size + u_size :][: 9 * channels * step].reshape(1, 3, 3, channels * step)
    for s in range(0, count if last > first else 0, most):
        squares, V = min(most, count - s), room[:size]
        _transform(s, squares, x, before, B, A, y, V)
        widest = widest_for(squares)
        for index in range(block_count(last - first, widest)):
            vector, vecs = block(last - first, index, widest)
            M, f = room[size : size + t * t * (squares * vecs + 1) * lanes], (first + vector) * lanes
            for c in range(0, C, channels):
                end, v = min(C, c + channels), f
                if turned:
                    turn(k, f, min(y.shape[3], f + vecs * lanes), c, end, image, step)
                    v = -c * step
                transform_kernel(image, v, step, vecs, c, end, 1, G, U, -c * vecs * lanes, apart)
                _multiply(squares, c, end, padded_channels(x), vecs, V, U, 0, apart, M)
            _transform_back(s, squares, first + vector, vecs, M, start, B, A, y)


@jit(inner=True)
def panel_size(C, x):
    """Return the distance from place to place of U's panels: not a power of two, which caches dislike."""
    return (C * simd.WIDEST + 1) * simd.lanes(x)


@jit(inner=True)
def padded_channels(x):
    """Return the number of channels, filled up to whole vectors."""
    return -(-x.shape[3] // simd.lanes(x)) * simd.lanes(x)


@jit(inner=True)
def _transform(first, squares, x, before, B, A, y, V):
    """Compute V[e, s, c] = the transform of the square first + s of x."""
    m, t, lanes = outputs(A), outputs(B), simd.lanes(x)
    down, across, channels = -(-y.shape[1] // m), -(-y.shape[2] // m), padded_channels(x)
    apart, scratch = squares * channels + lanes, scratch_for(x, B)  # not a power of two apart, either
    for s in range(squares):
        n, i, j = place(first + s, down, across, m)
        for c in range(0, x.shape[3], lanes):
            at = s * channels + c
            read_square(B, x, n, i - before[0], j - before[1], c, scratch, V, at, t * apart, apart)


@jit(inner=True)
def _multiply(squares, first, last, channels, vecs, V, U, at, apart, M):
    """Compute M[e] += V[e] U[e] for every place e, a block of filters and the channels first..last.

    The first time, with first = 0, M begins with 0.

    V's squares are `channels` apart, U's panels `apart`, from U[at] on.
    """
    if vecs == 4:
        _multiply_tiles(simd.empty_tile(V, 4), squares, first, last, channels, V, U, at, apart, M)
    elif vecs == 3:
        _multiply_tiles(simd.empty_tile(V, 3), squares, first, last, channels, V, U, at, apart, M)
    elif vecs == 2:
        _multiply_tiles(simd.empty_tile(V, 2), squares, first, last, channels, V, U, at, apart, M)
    else:
        _multiply_tiles(simd.empty_tile(V, 1), squares, first, last, channels, V, U, at, apart, M)


@jit(inner=True)
def _multiply_tiles(empty, squares, first, last, channels, V, U, at, apart, M):
    """Run tiled_sums.sum_block's loop for all places: calling it for each of the short sums would double their time."""
    lanes, wide = simd.lanes(V), simd.width(empty)
    v_apart, m_apart = squares * channels + lanes, squares * wide + lanes
    v_starts, m_starts = list_starts(squares, channels), list_starts(squares, wide)
    for e in range(M.size // m_apart):
        for s in range(0, squares, simd.height(empty)):
            v_offsets, m_offsets = simd.row_offsets(empty, v_starts, s), simd.row_offsets(empty, m_starts, s)
            tile = empty if first == 0 else simd.load(empty, M, m_offsets, e * m_apart, wide)
            u, v = e * v_apart + first, np.int64(at + e * apart)
            end = u + last - first
            while u != end:
                tile = simd.add_outer(tile, V, v_offsets, u, U, v)  # M-tile += outer(V-column, U-row)
                u += 1
                v += wide
            simd.store(tile, M, m_offsets, e * m_apart, wide)


@jit(inner=True)
def _transform_back(first, squares, vector, vecs, M, start, B, A, y):
    """Compute y's squares first, first + 1, ... from M, whose block of filters is `vecs` vectors from `vector` on."""
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
    """Return (n, i, j) of a square's first pixel in y; an image has `down` x `across` squares of m x m pixels."""
    return square // (down * across), square // across % down * m, square % across * m
