"""backward_weights as tiled sums: the weights (p,q,c) are the rows of a tile, the pixels they touch the steps.

    dk[p,q,c,f] = sum_{n,i,j} x[n, s*i + d*p - top, s*j + d*q - left, c] * dy[n,i,j,f]

A few weights and many pixels give few tiles for many cores, so the pixels are cut into parts with a partial dk each,
added in order at the end. How many parts depends on the shape alone: any number of threads adds the same way.
"""

import numba
import numpy as np

from kernels import simd
from kernels.conv2d.taps import CLASS, SOURCE
from kernels.jit import jit
from kernels.tiled_sums import SPARE, block, block_count, copy_rows, fill_spare, sum_block

TASKS = 16
PART_PIXELS = 512  # fewer pixels than this are not worth a partial dk
PARTIAL_SIZE = 1 << 19  # all partial dk together: so many numbers stay in the caches until they are added
PANEL_STEPS = 512  # so many pixels of dy and x stay in the second-level cache while every weight passes over them
TILE_ROWS = simd.ROWS[simd.WIDEST]
PIECE = 4096  # numbers of dk that a task adds up
PACKING_PAYS = 64  # copying dy into panels costs one pass over it; worth it from so many weights on


@jit(inner=True, inline="always")  # one library less to optimise
def weights_gradient(x, dy, dk, db, rows, columns, stride_across, groups):
    """dk and db from x (N,H,W,C) and dy (N,Ho,Wo,F); rows and columns are forward's axes (taps.py)."""
    N, Ho, Wo, F = dy.shape
    lines = N * Ho
    parts = max(1, min(TASKS, lines, lines * Wo // PART_PIXELS, PARTIAL_SIZE // max(dk.size, 1)))
    lines_each = -(-lines // parts)
    parts = -(-lines // max(lines_each, 1)) if lines else 1
    terms = dk.shape[0] * dk.shape[1] * dk.shape[2]
    tall = TILE_ROWS
    row_parts = max(1, min(-(-terms // tall), -(-TASKS // parts)))
    terms_each = (terms + row_parts * tall - 1) // (row_parts * tall) * tall  # whole tiles
    row_parts = max(1, -(-terms // max(terms_each, 1)))
    partial_k, partial_b = np.empty((parts, dk.size), dk.dtype), np.empty((parts, F), dk.dtype)
    if parts == 1:
        partial_k, partial_b = dk.reshape(1, dk.size), db.reshape(1, F)
    _run(
        parts, lines_each, row_parts, terms_each, x, dy, partial_k, partial_b, dk, rows, columns, stride_across, groups
    )
    if parts > 1:
        add_parts(partial_k, dk.reshape(-1))
        add_parts(partial_b, db)


@jit(inner=True, parallel=True)
def _run(parts, lines_each, row_parts, terms_each, x, dy, partial_k, partial_b, dk, rows, columns, stride, groups):
    for t in numba.prange(parts * row_parts):
        part, first = t // row_parts, t % row_parts * terms_each
        line, last = part * lines_each, first + terms_each
        _task(
            part, line, line + lines_each, first, last, x, dy, partial_k, partial_b, dk, rows, columns, stride, groups
        )


@jit(inner=True)
def _task(part, line, last_line, first, last, x, dy, partial_k, partial_b, dk, rows, columns, stride, groups):
    """The weights first..last in (p,q,c), summed over the lines (n,i) line..last_line of dy, into partial_k[part]."""
    P, Q, Cg, F = dk.shape
    N, Ho, Wo, _ = dy.shape
    last, last_line = min(last, P * Q * Cg), min(last_line, N * Ho)
    if first == 0:
        add_pixels(line, last_line, dy, partial_b[part])
    target = partial_k[part]
    for e in range(first * F, last * F):
        target[e] = 0
    columns_each, lanes = F // groups, simd.lanes(x)
    vectors = -(-columns_each // lanes)
    packed = columns_each % lanes != 0 or P * Q * Cg >= PACKING_PAYS
    x_rows, y_rows = np.empty(last - first + SPARE, np.int64), np.empty(last - first + SPARE, np.int64)
    panel = np.empty((PANEL_STEPS + Wo) * simd.WIDEST * lanes if packed else 0, dy.dtype)
    x_flat, dy_flat, zero = x.reshape(-1), dy.reshape(-1), np.int64(0)
    fresh = bool(zero)  # plain 0 and False would be types of their own, and the tiles compiled again for them
    for a in range(rows[1].shape[0]):
        for b in range(columns[1].shape[0]):
            count = list_weights(first, last, a, b, x, dk, rows, columns, x_rows, y_rows)
            runs = list_lines(line, last_line, a, b, x, dy, rows, columns)
            begin = 0
            while count and begin < runs.shape[0]:
                end, steps = begin, 0
                while end < runs.shape[0] and steps < PANEL_STEPS:
                    steps += runs[end, 2]
                    end += 1
                for index in range(groups * block_count(vectors)):
                    g = index // block_count(vectors)
                    vector, vecs = block(vectors, index % block_count(vectors))
                    f = g * columns_each + vector * lanes
                    valid = min(vecs * lanes, (g + 1) * columns_each - f)
                    source, place = (x_flat, x_rows, g * Cg, stride * x.shape[3]), (target, y_rows, f, valid)
                    if packed:
                        pieces = _pack(dy_flat, F, f, valid, vecs, vecs * lanes, runs[begin:end], panel)
                        sum_block(vecs, source, (panel, zero, vecs * lanes), target, place, pieces, count, fresh)
                    else:
                        sum_block(vecs, source, (dy_flat, f, F), target, place, runs[begin:end], count, fresh)
                begin = end


@jit(inner=True)
def list_weights(first, last, a, b, x, dk, rows, columns, x_rows, y_rows):
    """List those of the weights first..last that the pixels of class (a, b) use: place in x, place in dk; how many."""
    _, Q, Cg, F = dk.shape
    _, _, W, C = x.shape
    (_, classes_down, _, move_down), (_, classes_across, _, move_across) = rows, columns
    count = 0
    for u in range(classes_down[a, 1]):
        for v in range(classes_across[b, 1]):
            term = ((classes_down[a, 0] + u) * Q + classes_across[b, 0] + v) * Cg
            for c in range(max(0, first - term), min(Cg, last - term)):
                x_rows[count] = (u * move_down * W + v * move_across) * C + c
                y_rows[count] = (term + c) * F
                count += 1
    if count:
        fill_spare(x_rows, count)
        fill_spare(y_rows, count)
    return count


@jit(inner=True)
def list_lines(line, last_line, a, b, x, dy, rows, columns):
    """The pixels of class (a, b) in the lines line..last_line: one run a line, since a class is an interval across."""
    _, H, W, C = x.shape
    _, Ho, Wo, _ = dy.shape
    runs = np.empty((last_line - line, 3), np.int64)
    left, length, count = -1, 0, 0
    for j in range(Wo):
        if columns[0][j, CLASS] == b:
            left = j if left < 0 else left
            length += 1
    for t in range(line, last_line):
        n = t // Ho
        i = t - n * Ho
        if rows[0][i, CLASS] == a:
            runs[count, 0] = ((n * H + rows[0][i, SOURCE]) * W + columns[0][left, SOURCE]) * C
            runs[count, 1] = t * Wo + left
            runs[count, 2] = length
            count += 1
    return runs[:count]


@jit(inner=True)
def _pack(dy, F, f, valid, vecs, wide, runs, panel):
    """Copy dy[pixels of the runs, f : f + valid] into the panel, `wide` numbers a pixel, and number its steps anew."""
    pieces = np.empty(runs.shape, np.int64)
    step = 0
    for run in range(runs.shape[0]):
        pieces[run, 0], pieces[run, 1], pieces[run, 2] = runs[run, 0], step, runs[run, 2]
        copy_rows(vecs, dy, runs[run, 1] * F + f, F, runs[run, 2], valid, panel, step * wide)
        step += runs[run, 2]
    return pieces


@jit(inner=True)
def add_pixels(line, last_line, dy, total):
    """total[f] = the sum of dy over the lines line..last_line: db's share."""
    N, Ho, Wo, F = dy.shape
    flat = dy.reshape(-1)
    for f in range(F):
        total[f] = 0
    for t in range(line * Wo, min(last_line, N * Ho) * Wo):
        for f in range(F):
            total[f] += flat[t * F + f]


@jit(inner=True)
def add_parts(partial, total):
    """total[e] = partial[0, e] + partial[1, e] + ..., in this order."""
    if total.size <= PIECE:
        _add_piece(partial, total, 0, total.size)
    else:
        _add_pieces(partial, total)


@jit(inner=True, parallel=True)
def _add_pieces(partial, total):
    for piece in numba.prange(-(-total.size // PIECE)):
        _add_piece(partial, total, piece * PIECE, min(total.size, (piece + 1) * PIECE))


@jit(inner=True)
def _add_piece(partial, total, first, last):
    for e in range(first, last):
        total[e] = partial[0, e]
    for part in range(1, partial.shape[0]):
        for e in range(first, last):
            total[e] += partial[part, e]
