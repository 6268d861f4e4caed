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
from kernels.cpu.tiled_sums import SPARE, block, block_count, hold, sum_products
from kernels.jit import jit

TASK_PIXELS = 1024  # or up to twice as many: what one class leaves of x in the second-level cache, the next one finds


@jit(inner=True, inline="always")  # one library less to optimise
def depthwise(x, k, b, limits, y, vertical, horizontal, threads):
    """Compute y (N,Ho,Wo,C) from x (N,H,W,C), k (P,Q,1,C) and b, which may be empty; down, across: axes of taps.py.

    limits: (low, high) that y is held between, or empty.
    """
    N, Ho, Wo, C = y.shape
    start = np.empty(C + simd.WIDEST * simd.lanes(x), x.dtype)  # the last vector reads beyond C
    for c in range(start.size):
        start[c] = b[c] if c < b.size else 0
    # a multiple of the threads, so that all have the same to do; no sum is divided, so the bits stay the same
    parts = threads * max(1, N * Ho * Wo // (threads * TASK_PIXELS))
    lines_each = max(1, -(-N * Ho // parts))
    if y.size:
        _run(-(-N * Ho // lines_each), lines_each, x, k, start, limits, y, vertical, horizontal)


@jit(inner=True, parallel=True)
def _run(parts, lines_each, x, k, start, limits, y, vertical, horizontal):
    for t in numba.prange(parts):
        line, last_line = t * lines_each, min((t + 1) * lines_each, y.shape[0] * y.shape[1])
        _task(line, last_line, x, k, start, y, vertical, horizontal)
        for u in range(line, last_line if limits.size else line):
            hold(y[u % y.shape[0], u // y.shape[0]].reshape(-1), limits)  # list_pixels counts over the images first


@jit(inner=True)
def _task(line, last_line, x, k, start, y, vertical, horizontal):
    C = y.shape[3]
    table, x_starts, y_starts = list_pixels(line, last_line, x, y, vertical, horizontal)
    x_flat, k_flat, y_flat = x.reshape(-1), k.reshape(-1), y.reshape(-1)
    vectors = -(-C // simd.lanes(x))
    for a in range(table.shape[0]):
        at, count = table[a, 2], table[a, 3]
        runs = _list_taps(table[a, 0], table[a, 1], k.shape[1], x, vertical, horizontal)
        for index in range(block_count(vectors)):
            vector, vecs = block(vectors, index)
            c = vector * simd.lanes(x)
            valid = min(vecs * simd.lanes(x), C - c)
            source, target = (x_flat, x_starts[at:], c, horizontal.move * C), (y_flat, y_starts[at:], c, valid)
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
def _list_taps(a, b, Q, x, vertical, horizontal):
    """List the taps of class (a, b) as runs: taps side by side are one run.

    If a stride leaves gaps, each is its own.
    """
    _, _, W, C = x.shape
    (_, classes_down, step_down, move_down), (_, classes_across, step_across, move_across) = vertical, horizontal
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
def depthwise_weights(x, dy, dk, db, vertical, horizontal, stride_across):
    """Compute dk (P,Q,1,C) and db (C,): taps are the rows of low tiles, pixels the steps, in parts added in order."""
    N, Ho, Wo, C = dy.shape
    lines = N * Ho
    parts = max(1, min(TASKS, lines, lines * Wo // PART_PIXELS))
    lines_each = max(1, -(-lines // parts))
    parts = max(1, -(-lines // lines_each))
    partial_k, partial_b = np.empty((parts, dk.size), dk.dtype), np.empty((parts, C), dk.dtype)
    _run_weights(parts, lines_each, x, dy, partial_k, partial_b, dk, vertical, horizontal, stride_across)
    add_parts(partial_k, dk.reshape(-1))
    add_parts(partial_b, db)


@jit(inner=True, parallel=True)
def _run_weights(parts, lines_each, x, dy, partial_k, partial_b, dk, vertical, horizontal, stride):
    for part in numba.prange(parts):
        _task_weights(
            part,
            part * lines_each,
            (part + 1) * lines_each,
            x,
            dy,
            partial_k,
            partial_b,
            dk,
            vertical,
            horizontal,
            stride,
        )


@jit(inner=True)
def _task_weights(part, line, last_line, x, dy, partial_k, partial_b, dk, vertical, horizontal, stride):
    N, Ho, _, C = dy.shape
    last_line = min(last_line, N * Ho)
    add_pixels(line, last_line, dy, partial_b[part])
    total = partial_k[part]
    for e in range(total.size):
        total[e] = 0
    taps = dk.shape[0] * dk.shape[1]
    x_starts, k_starts = np.empty(taps + SPARE, np.int64), np.empty(taps + SPARE, np.int64)
    x_flat, dy_flat, vectors = x.reshape(-1), dy.reshape(-1), -(-C // simd.lanes(x))
    downs, acrosses = rectangles(vertical, dk.shape[0], False), rectangles(horizontal, dk.shape[1], False)
    space = np.empty((max(last_line - line, 0), 3), np.int64)
    for a in range(downs.shape[0]):
        for b in range(acrosses.shape[0]):
            # a tap's weights lie side by side, as the channels of x do: a tap is one row
            count = list_weights(
                0, taps, downs[a], acrosses[b], x, dk, vertical.move, horizontal.move, x_starts, k_starts
            )
            runs = space[: list_lines(line, last_line, downs[a], acrosses[b], x, dy, stride, space)]
            for index in range(block_count(vectors) if count else 0):
                vector, vecs = block(vectors, index)
                c = vector * simd.lanes(x)
                source, panel = (x_flat, x_starts, c, stride * C), (dy_flat, line * dy.shape[2] * C + c, C)
                target = (total, k_starts, c, min(vecs * simd.lanes(x), C - c))
                if vecs == 4:
                    sum_products(simd.low_tile(x, 4, 3), source, panel, total, target, runs, count, False)
                elif vecs == 3:
                    sum_products(simd.low_tile(x, 3, 3), source, panel, total, target, runs, count, False)
                elif vecs == 2:
                    sum_products(simd.low_tile(x, 2, 3), source, panel, total, target, runs, count, False)
                else:
                    sum_products(simd.low_tile(x, 1, 3), source, panel, total, target, runs, count, False)
