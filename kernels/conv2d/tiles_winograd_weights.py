"""Winograd's backward_weights, forward read backwards: transform squares of x and of dy, multiply, transform the sums.

    y = A^T [(G k G^T) * (B x B^T)] A   gives   dk = G^T [sum over the squares of (A dy A^T) * (B x B^T)] G

A chunk of squares at a time: for each of a square's t x t places e, M[e] (C, F) += V[e]^T W[e], (C, squares) times
(squares, F), on register tiles. A task owns a place and a block of columns of M: no sum is
divided, so the bits are the same for any number of threads.
"""

import numba
import numpy as np

from kernels import simd
from kernels.conv2d.tiles_winograd import list_rows, place
from kernels.conv2d.winograd_transforms import pair, plan, read_square, scratch_for, write_square
from kernels.jit import jit
from kernels.tiled_sums import block, block_count, sum_block

CHUNK = 256  # squares
SQUARES = 8  # of a task that transforms
PARTS = 16  # of db, added in order


@jit()
def weights_gradient(x, dy, before, B, G, A, dk, db):
    """dk[p,q,c,f] = sum x[n, i + p - before[0], j + q - before[1], c] * dy[n,i,j,f] and db[f] = sum dy[n,i,j,f].

    B (t,t), G (3,t), A (t,m): the transforms of x, back to dk, and of dy.
    """
    (N, Ho, Wo, F), C, (t, m) = dy.shape, x.shape[3], A.shape
    channels, filters = -(-C // pair(x)) * pair(x), -(-F // pair(x)) * pair(x)
    total, lanes = N * -(-Ho // m) * -(-Wo // m), simd.lanes(x)
    chunk = min(total, CHUNK)
    V = np.empty((t * t, chunk * channels + lanes), x.dtype)  # not a power of two apart, which caches dislike
    W = np.empty((t * t, chunk * filters + lanes), x.dtype)
    M = np.zeros((t * t, C * filters + lanes), x.dtype)
    for first in range(0, total, CHUNK):
        squares = min(CHUNK, total - first)
        _transform(first, squares, x, dy, before, B, A, V, W)
        _multiply(squares, channels, filters, C, V, W, M)
    if dk.size:
        _transform_back(G, M, filters, dk.reshape(1, 3, 3, C * F), C, F)
    _add_pixels(dy, db)


@jit(inner=True, parallel=True)
def _transform(first, squares, x, dy, before, B, A, V, W):
    """V[e] = the places e of x's squares first, first + 1, ..., W[e] = those of dy's."""
    _, Ho, Wo, F = dy.shape
    t, m = A.shape
    C, wide = x.shape[3], pair(x)
    down, across, channels, filters = -(-Ho // m), -(-Wo // m), -(-C // wide) * wide, -(-F // wide) * wide
    for task in numba.prange(-(-squares // SQUARES)):
        v_flat, w_flat, zeros = V.reshape(-1), W.reshape(-1), np.zeros(wide, x.dtype)
        x_plan, y_plan, scratch = plan(B, V.shape[1]), plan(A, W.shape[1]), scratch_for(x, B)
        for s in range(task * SQUARES, min(squares, (task + 1) * SQUARES)):
            n, i, j = place(first + s, down, across, m)
            for c in range(0, C, wide):
                h, w, at = i - before[0], j - before[1], s * channels + c
                read_square(x_plan, x, n, h, w, c, scratch, zeros, v_flat, at, t * V.shape[1])
            for f in range(0, F, wide):
                read_square(y_plan, dy, n, i, j, f, scratch, zeros, w_flat, s * filters + f, t * W.shape[1])


@jit(inner=True, parallel=True)
def _multiply(squares, channels, filters, C, V, W, M):
    """M[e] += V[e]^T W[e] for every place e."""
    vectors, lanes = filters // simd.lanes(V), simd.lanes(V)
    blocks = block_count(vectors)
    v_rows, m_rows = list_rows(C, 1), list_rows(C, filters)
    zeros, runs, zero = np.zeros(filters, V.dtype), np.zeros((1, 3), np.int64), np.int64(0)
    runs[0, 2] = squares
    for task in numba.prange(V.shape[0] * blocks):
        e, index = task // blocks, task % blocks
        vector, vecs = block(vectors, index)
        source, target = (V[e], v_rows, zero, channels), (M[e], m_rows, vector * lanes, vecs * lanes)
        sum_block(vecs, source, (W[e], vector * lanes, filters), zeros, target, runs, C, False)


@jit(inner=True, parallel=True)
def _transform_back(G, M, filters, dk, C, F):
    t, flat, apart = G.shape[1], M.reshape(-1), M.shape[1]
    for c in numba.prange(C):
        plans, scratch, zeros = (plan(G, C * F), plan(G, pair(M))), scratch_for(M, G), np.zeros(pair(M), M.dtype)
        for f in range(0, F, pair(M)):
            source = (flat, c * filters + f, t * apart, apart)
            write_square(plans, source, scratch, zeros, np.int64(0), dk, 0, 0, 0, c * F + f, min(pair(M), F - f))


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
