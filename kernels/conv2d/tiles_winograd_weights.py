"""Winograd's backward_weights, forward read backwards: transform squares of x and of dy, multiply, transform the sums.

    y = A^T [(G k G^T) * (B x B^T)] A   gives   dk = G^T [sum over the squares of (A dy A^T) * (B x B^T)] G

A chunk of squares at a time: for each of a square's t x t places e, M[e] (C, F) += V[e]^T W[e], (C, squares) times
(squares, F), on register tiles. A task owns some filters: their W, which only it makes and reads, and their M stay in
its core's cache while V, everybody's, passes by. No sum is divided, so any number of threads gives the same bits.
"""

import numba
import numpy as np

from kernels import simd
from kernels.conv2d.tiles_winograd import VECTORS, list_rows, padded, place
from kernels.conv2d.winograd_transforms import read_square, scratch_for, write_square
from kernels.jit import jit
from kernels.simd_transform import inputs, outputs, transform
from kernels.tiled_sums import aligned, sum_block

CHUNK = 128  # squares
SQUARES = 4  # of a task that transforms
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
    (N, Ho, Wo, F), C, t, m, lanes = dy.shape, x.shape[3], outputs(A), inputs(A), simd.lanes(x)
    total, blocks = N * -(-Ho // m) * -(-Wo // m), -(-F // (VECTORS * lanes))
    chunk, parts = min(total, CHUNK), max(1, -(-threads // max(blocks, 1)))
    rows = -(-C // parts)
    apart, wide = chunk * padded(x) + lanes, VECTORS * lanes  # V's places: no power of two apart, which caches dislike
    size, task_size = t * t * apart, t * t * (rows * wide + lanes)
    room = aligned(size + blocks * parts * task_size, x)  # in one piece: see tiles_winograd.py
    V, M = room[:size], room[size:]
    M[:] = 0
    for first in range(0, total, chunk):
        squares = min(chunk, total - first)
        _transform(first, squares, x, dy, before, B, A, V, apart)
        _multiply(first, squares, blocks, parts, rows, C, dy, A, V, apart, M, task_size)
    if dk.size:
        _transform_back(blocks, parts, rows, G, M, task_size, dk.reshape(1, 3, 3, C * F), C, F)
    _add_pixels(dy, db)


@jit(inner=True, parallel=True)
def _transform(first, squares, x, dy, before, B, A, V, apart):
    """V[e, s, c] = the places e of x's squares first, first + 1, ..."""
    t, m, channels = outputs(A), inputs(A), padded(x)
    down, across = -(-dy.shape[1] // m), -(-dy.shape[2] // m)
    for task in numba.prange(-(-squares // SQUARES)):
        scratch = scratch_for(x, B)
        for s in range(task * SQUARES, min(squares, (task + 1) * SQUARES)):
            n, i, j = place(first + s, down, across, m)
            for c in range(0, x.shape[3], simd.lanes(x)):
                h, w, at = i - before[0], j - before[1], s * channels + c
                read_square(B, x, n, h, w, c, scratch, V, at, t * apart, apart)


@jit(inner=True, parallel=True)
def _multiply(first, squares, blocks, parts, rows, C, dy, A, V, apart, M, task_size):
    """M[e] += V[e]^T W[e] for every place e, block of filters and part of the channels."""
    t, m, F, lanes = outputs(A), inputs(A), dy.shape[3], simd.lanes(V)
    down, across, channels = -(-dy.shape[1] // m), -(-dy.shape[2] // m), -(-C // lanes) * lanes
    for task in numba.prange(blocks * parts):
        vector, c = task // parts * VECTORS, task % parts * rows
        vecs, count = min(VECTORS, -(-F // lanes) - vector), min(rows, C - c)
        wide, target = vecs * lanes, M[task * task_size :]
        w_apart = squares * wide + lanes
        W, scratch = aligned(t * t * w_apart, V), scratch_for(V, A)
        for s in range(squares if count > 0 else 0):
            n, i, j = place(first + s, down, across, m)
            for v in range(vecs):
                f, at = (vector + v) * lanes, s * wide + v * lanes
                read_square(A, dy, n, i, j, f, scratch, W, at, t * w_apart, w_apart)
        v_rows, m_rows = list_rows(max(count, 0), 1), list_rows(max(count, 0), wide)
        zeros, runs, zero = np.zeros(wide, V.dtype), np.zeros((1, 3), np.int64), np.int64(0)
        runs[0, 2] = squares
        for e in range(t * t if count > 0 else 0):
            source, panel = (V, v_rows, e * apart + c, channels), (W, e * w_apart, wide)
            sums = (target[e * (rows * wide + lanes) :], m_rows, zero, wide)
            sum_block(vecs, source, panel, zeros, sums, runs, count, False)


@jit(inner=True, parallel=True)
def _transform_back(blocks, parts, rows, G, M, task_size, dk, C, F):
    t, lanes = inputs(G), simd.lanes(M)
    for task in numba.prange(blocks * parts):
        vector, c = task // parts * VECTORS, task % parts * rows
        wide, scratch = min(VECTORS, -(-F // lanes) - vector) * lanes, scratch_for(M, G)
        apart = rows * wide + lanes
        for row in range(min(rows, C - c)):
            for f in range(vector * lanes, min(F, vector * lanes + wide), lanes):
                at, count = task * task_size + row * wide + f - vector * lanes, min(lanes, F - f)
                place_in_k = (c + row) * F + f
                write_square(G, M, at, t * apart, apart, scratch, scratch, 0, dk, 0, 0, 0, place_in_k, count)


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
