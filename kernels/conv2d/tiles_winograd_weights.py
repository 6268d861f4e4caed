"""Winograd's backward_weights, forward read backwards: transform squares of x and of dy, multiply, transform the sums.

    y = A^T [(G k G^T) * (B x B^T)] A   gives   dk = G^T [sum over the squares of (A dy A^T) * (B x B^T)] G

Some squares at a time: for each of a square's t x t places e, M[e] (C, F) += V[e]^T W[e], (C, squares) times
(squares, F), on register tiles. A core works alone on some filters, and transforms all squares of x for them itself:
that is sooner done than read from another core. No sum is divided, so any number of threads gives the same bits.
"""

import numba
import numpy as np

from kernels.conv2d.simd_transform import inputs, outputs, transform
from kernels.conv2d.tiles_winograd import CACHED, padded, place
from kernels.conv2d.winograd_transforms import read_square, scratch_for, write_square
from kernels.cpu import simd
from kernels.cpu.tiled_sums import aligned, block, block_count, list_rows, sum_block
from kernels.jit import jit

SQUARES = 32  # at once, at least: a sum's length
PARTS = 16  # of db, added in order


@jit()
def weights_gradient_by_2(x, dy, before, threads, dk, db):
    """dk[p,q,c,f] = sum x[n, i + p - before[0], j + q - before[1], c] * dy[n,i,j,f], db[f] = sum dy[n,i,j,f]."""
    _weights_gradient(x, dy, before, transform(2, "B"), transform(2, "GT"), transform(2, "AT"), threads, dk, db)


@jit()
def weights_gradient_by_4(x, dy, before, threads, dk, db):
    """The same by F(4x4,3x3)."""
    _weights_gradient(x, dy, before, transform(4, "B"), transform(4, "GT"), transform(4, "AT"), threads, dk, db)


@jit(inner=True)
def _weights_gradient(x, dy, before, B, G, A, threads, dk, db):
    """B (t,t), G (3,t), A (t,m): the transforms of x, back to dk, and of dy."""
    if dk.size:
        _run(threads, x, dy, before, B, G, A, dk.reshape(1, 3, 3, dk.shape[2] * dk.shape[3]))
    _add_pixels(dy, db)


@jit(inner=True, parallel=True)
def _run(threads, x, dy, before, B, G, A, dk):
    vectors = -(-dy.shape[3] // simd.lanes(x))
    each = -(-vectors // threads)
    for task in numba.prange(threads):
        _task(task * each, min(vectors, (task + 1) * each), x, dy, before, B, G, A, dk)


@jit(inner=True)
def _task(first_vector, last_vector, x, dy, before, B, G, A, dk):
    """dk for the vectors first_vector..last_vector of filters."""
    (N, Ho, Wo, F), C, t, m, lanes = dy.shape, x.shape[3], outputs(A), inputs(A), simd.lanes(x)
    total, wide, channels = N * -(-Ho // m) * -(-Wo // m), max(0, last_vector - first_vector) * lanes, padded(x)
    most = min(total, max(SQUARES, CACHED // (t * t * C)))
    v_size, w_size = t * t * (most * channels + lanes), t * t * (most * wide + lanes)
    m_apart = C * wide + lanes  # places are no power of two apart, which caches dislike
    room = aligned(v_size + w_size + t * t * m_apart, x)  # in one piece: see tiles_winograd.py
    M = room[v_size + w_size :]
    M[:] = 0
    for first in range(0, total if wide else 0, max(most, 1)):
        squares = min(most, total - first)
        V, W = room[: t * t * (squares * channels + lanes)], room[v_size : v_size + t * t * (squares * wide + lanes)]
        _transform(first, squares, before, x, 0, channels, (Ho, Wo), m, B, V)
        _transform(first, squares, (0, 0), dy, first_vector * lanes, wide, (Ho, Wo), m, A, W)
        _multiply(squares, C, channels, wide, V, W, M)
    scratch = scratch_for(M, G)
    for c in range(C):
        for f in range(0, wide, lanes):
            e = first_vector * lanes + f
            count = min(lanes, F - e)
            write_square(G, M, c * wide + f, t * m_apart, m_apart, scratch, scratch, 0, dk, 0, 0, 0, c * F + e, count)


@jit(inner=True)
def _transform(first, squares, before, image, channel, wide, size, m, T, V):
    """V[e, s, c] = the places e of the image's squares first, first + 1, ..., for `wide` channels from `channel` on."""
    t, lanes, scratch = outputs(T), simd.lanes(image), scratch_for(image, T)
    down, across, apart = -(-size[0] // m), -(-size[1] // m), squares * wide + lanes
    for s in range(squares):
        n, i, j = place(first + s, down, across, m)
        for c in range(0, wide, lanes):
            h, w = i - before[0], j - before[1]
            read_square(T, image, n, h, w, channel + c, scratch, V, s * wide + c, t * apart, apart)


@jit(inner=True)
def _multiply(squares, C, channels, wide, V, W, M):
    """M[e] += V[e]^T W[e] for every place e."""
    lanes, apart = simd.lanes(V), (squares * channels, squares * wide, C * wide)
    v_rows, m_rows = list_rows(C, 1), list_rows(C, wide)
    zeros, runs = np.zeros(wide, V.dtype), np.zeros((1, 3), np.int64)
    runs[0, 2] = squares
    for e in range(M.size // (apart[2] + lanes)):
        source, sums = (V, v_rows, e * (apart[0] + lanes), channels), M[e * (apart[2] + lanes) :]
        for index in range(block_count(wide // lanes)):
            vector, vecs = block(wide // lanes, index)
            f = vector * lanes
            panel, target = (W, e * (apart[1] + lanes) + f, wide), (sums, m_rows, f, vecs * lanes)
            sum_block(vecs, source, panel, zeros, target, runs, C, False)


@jit(inner=True, parallel=True)
def _add_pixels(dy, db):
    """db, in parts that depend on the shape alone, added in order."""
    N, Ho, Wo, F = dy.shape
    pixels = N * Ho * Wo
    each, flat, partial = -(-pixels // PARTS), dy.reshape(-1), np.zeros((PARTS, F), dy.dtype)
    for part in numba.prange(PARTS):
        total = partial[part]
        for pixel in range(part * each, min(pixels, (part + 1) * each)):
            line = flat[pixel * F : (pixel + 1) * F]
            for f in range(F):
                total[f] += line[f]
    db[:] = 0
    for part in range(PARTS):
        for f in range(F):
            db[f] += partial[part, f]
