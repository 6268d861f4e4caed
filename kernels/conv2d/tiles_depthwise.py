"""One filter for each channel: the channels do not mix, so they lie along the vectors and x is read as a vector too.

    y[n,i,j,c] = b[c] + sum_{p,q} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c]

The same tiles, classes and parts as in tiles_correlate.py and tiles_weights.py, with a product instead of an outer one.
Every number of x feeds only P*Q multiply-adds: memory is the limit here, not arithmetic.
"""

import numba
import numpy as np

from kernels.conv2d.taps import rectangles
from kernels.conv2d.tiles_correlate import list_pixels
from kernels.conv2d.tiles_weights import PART_PIXELS, TASKS, add_parts, add_pixels, list_lines, list_weights
from kernels.cpu import simd
from kernels.cpu.tiled_sums import SPARE, block, block_count, sum_products
from kernels.jit import jit

TASK_PIXELS = 1024  # or up to twice as many: what one class leaves of x in the second-level cache, the next one finds


@jit(inner=True, inline="always")  # one library less to optimise
def depthwise(x, k, b, y, rows, columns, threads):
    """y (N,Ho,Wo,C) from x (N,H,W,C), k (P,Q,1,C) and b, which may be empty; rows, columns: axes of taps.py."""
    N, Ho, Wo, C = y.shape
    start = np.empty(C + simd.WIDEST * simd.lanes(x), x.dtype)  # the last vector reads beyond C
    for c in range(start.size):
        start[c] = b[c] if c < b.size else 0
    parts = threads * max(1, N * Ho * Wo // (threads * TASK_PIXELS))
    lines_each = max(1, -(-N * Ho // parts))
    if y.size:
        _run(-(-N * Ho // lines_each), lines_each, x, k, start, y, rows, columns)


@jit(inner=True, parallel=True)
def _run(parts, lines_each, x, k, start, y, rows, columns):
    for t in numba.prange(parts):
        _task(t * lines_each, (t + 1) * lines_each, x, k, start, y, rows, columns)


@jit(inner=True)
def _task(line, last_line, x, k, start, y, rows, columns):
    N, Ho, _, C = y.shape
    table, x_rows, y_rows = list_pixels(line, min(last_line, N * Ho), x, y, rows, columns)
    x_flat, k_flat, y_flat = x.reshape(-1), k.reshape(-1), y.reshape(-1)
    vectors = -(-C // simd.lanes(x))
    for a in range(table.shape[0]):
        at, count = table[a, 2], table[a, 3]
        runs = _list_taps(table[a, 0], table[a, 1], k.shape[1], x, rows, columns)
        for index in range(block_count(vectors)):
            vector, vecs = block(vectors, index)
            c = vector * simd.lanes(x)
            valid = min(vecs * simd.lanes(x), C - c)
            source, target = (x_flat, x_rows[at:], c, columns[3] * C), (y_flat, y_rows[at:], c, valid)
            panel = (k_flat, c, C)
            if vecs == 4:
                sum_products(simd.empty_tile(x, 4), source, panel, start, target, runs, count, True)
            elif vecs == 3:
                sum_products(simd.empty_tile(x, 3), source, panel, start, target, runs, count, True)
            elif vecs == 2:
                sum_products(simd.empty_tile(x, 2), source, panel, start, target, runs, count, True)
            else:
                sum_products(simd.empty_tile(x, 1), source, panel, start, target, runs, count, True)


@jit(inner=True)
def _list_taps(a, b, Q, x, rows, columns):
    """Class (a, b)'s taps as runs: taps side by side are one run; where a stride leaves gaps, each is its own."""
    _, _, W, C = x.shape
    (_, classes_down, step_down, move_down), (_, classes_across, step_across, move_across) = rows, columns
    (p, ps), (q, qs) = classes_down[a], classes_across[b]
    each = qs if step_across == 1 else 1
    runs, count = np.empty((ps * qs, 3), np.int64), 0
    for u in range(ps):
        for v in range(0, qs, max(each, 1)):
            runs[count, 0] = (u * move_down * W + v * move_across) * C
            runs[count, 1] = (p + u * step_down) * Q + q + v * step_across
            runs[count, 2] = each
            count += 1
    return runs[:count]


@jit(inner=True, inline="always")  # one library less to optimise
def depthwise_weights(x, dy, dk, db, rows, columns, stride_across):
    """dk (P,Q,1,C) and db (C,): the taps are the rows of low tiles, the pixels the steps, in parts added in order."""
    N, Ho, Wo, C = dy.shape
    lines = N * Ho
    parts = max(1, min(TASKS, lines, lines * Wo // PART_PIXELS))
    lines_each = max(1, -(-lines // parts))
    parts = max(1, -(-lines // lines_each))
    partial_k, partial_b = np.empty((parts, dk.size), dk.dtype), np.empty((parts, C), dk.dtype)
    _run_weights(parts, lines_each, x, dy, partial_k, partial_b, dk, rows, columns, stride_across)
    add_parts(partial_k, dk.reshape(-1))
    add_parts(partial_b, db)


@jit(inner=True, parallel=True)
def _run_weights(parts, lines_each, x, dy, partial_k, partial_b, dk, rows, columns, stride):
    for part in numba.prange(parts):
        _task_weights(
            part, part * lines_each, (part + 1) * lines_each, x, dy, partial_k, partial_b, dk, rows, columns, stride
        )


@jit(inner=True)
def _task_weights(part, line, last_line, x, dy, partial_k, partial_b, dk, rows, columns, stride):
    N, Ho, _, C = dy.shape
    last_line = min(last_line, N * Ho)
    add_pixels(line, last_line, dy, partial_b[part])
    total = partial_k[part]
    for e in range(total.size):
        total[e] = 0
    taps = dk.shape[0] * dk.shape[1]
    x_rows, k_rows = np.empty(taps + SPARE, np.int64), np.empty(taps + SPARE, np.int64)
    x_flat, dy_flat, vectors = x.reshape(-1), dy.reshape(-1), -(-C // simd.lanes(x))
    downs, acrosses = rectangles(rows, dk.shape[0], False), rectangles(columns, dk.shape[1], False)
    space = np.empty((max(last_line - line, 0), 3), np.int64)
    for a in range(downs.shape[0]):
        for b in range(acrosses.shape[0]):
            # a tap's weights lie side by side, as the channels of x do: a tap is one row
            count = list_weights(0, taps, downs[a], acrosses[b], x, dk, rows[3], columns[3], x_rows, k_rows)
            runs = space[: list_lines(line, last_line, downs[a], acrosses[b], x, dy, stride, space)]
            for index in range(block_count(vectors) if count else 0):
                vector, vecs = block(vectors, index)
                c = vector * simd.lanes(x)
                source, panel = (x_flat, x_rows, c, stride * C), (dy_flat, line * dy.shape[2] * C + c, C)
                target = (total, k_rows, c, min(vecs * simd.lanes(x), C - c))
                if vecs == 4:
                    sum_products(simd.low_tile(x, 4, 3), source, panel, total, target, runs, count, False)
                elif vecs == 3:
                    sum_products(simd.low_tile(x, 3, 3), source, panel, total, target, runs, count, False)
                elif vecs == 2:
                    sum_products(simd.low_tile(x, 2, 3), source, panel, total, target, runs, count, False)
                else:
                    sum_products(simd.low_tile(x, 1, 3), source, panel, total, target, runs, count, False)
