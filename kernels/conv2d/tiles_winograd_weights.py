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
from kernels.conv2d.winograd_transforms import read_square, scratch_for, write_square
from kernels.jit import jit
from kernels.simd_transform import inputs, outputs, transform
from kernels.tiled_sums import aligned, block, block_count, sum_block

CHUNK = 256  # squares
SQUARES = 8  # of a task that transforms
PARTS = 16  # of db, added in order


@jit()
def weights_gradient_by_2(x, dy, before, dk, db):
    """dk[p,q,c,f] = sum x[n, i + p - before[0], j + q - before[1], c] * dy[n,i,j,f], db[f] = sum dy[n,i,j,f]."""
    _weights_gradient(x, dy, before, transform(2, "B"), transform(2, "GT"), transform(2, "AT"), dk, db)


@jit()
def weights_gradient_by_4(x, dy, before, dk, db):
    """The same by F(4x4,3x3)."""
    _weights_gradient(x, dy, before, transform(4, "B"), transform(4, "GT"), transform(4, "AT"), dk, db)


@jit(inner=True)
def _weights_gradient(x, dy, before, B, G, A, dk, db):
    """B (t,t), G (3,t), A (t,m): the transforms of x, back to dk, and of dy."""
    (N, Ho, Wo, F), C, t, m, lanes = dy.shape, x.shape[3], outputs(A), inputs(A), simd.lanes(x)
    channels, filters = -(-C // lanes) * lanes, -(-F // lanes) * lanes
    total = N * -(-Ho // m) * -(-Wo // m)
    chunk = min(total, CHUNK)
    v_apart, w_apart = chunk * channels + lanes, chunk * filters + lanes  # no power of two, which caches dislike
    m_apart = C * filters + lanes
    room = aligned(t * t * (v_apart + w_apart + m_apart), x)  # in one piece: see tiles_winograd.py
    V = room[: t * t * v_apart].reshape(t * t, v_apart)
    W = room[t * t * v_apart : t * t * (v_apart + w_apart)].reshape(t * t, w_apart)
    M = room[t * t * (v_apart + w_apart) :].reshape(t * t, m_apart)
    M[:] = 0
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
    t, m, C, lanes = outputs(A), inputs(A), x.shape[3], simd.lanes(x)
    down, across, channels, filters = -(-Ho // m), -(-Wo // m), -(-C // lanes) * lanes, -(-F // lanes) * lanes
    for task in numba.prange(-(-squares // SQUARES)):
        v_flat, w_flat, v_apart, w_apart = V.reshape(-1), W.reshape(-1), V.shape[1], W.shape[1]
        x_scratch, y_scratch = scratch_for(x, B), scratch_for(x, A)
        for s in range(task * SQUARES, min(squares, (task + 1) * SQUARES)):
            n, i, j = place(first + s, down, across, m)
            h, w = i - before[0], j - before[1]
            for c in range(0, C, lanes):
                read_square(B, x, n, h, w, c, x_scratch, v_flat, s * channels + c, t * v_apart, v_apart)
            for f in range(0, F, lanes):
                read_square(A, dy, n, i, j, f, y_scratch, w_flat, s * filters + f, t * w_apart, w_apart)


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
    t, flat, apart, lanes = inputs(G), M.reshape(-1), M.shape[1], simd.lanes(M)
    for c in numba.prange(C):
        scratch = scratch_for(M, G)
        for f in range(0, F, lanes):
            at, count = c * filters + f, min(lanes, F - f)
            write_square(G, flat, at, t * apart, apart, scratch, scratch, 0, dk, 0, 0, 0, c * F + f, count)


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
