"""One to three columns would fill one to three lanes of a vector: here the channels being summed lie along it instead.

A tile's row holds a pixel's sum in as many parts as a vector has lanes; when all taps are added, so are the parts.
This is backward_data into an image of one channel or three, and forward with as few filters.
"""

import numba
import numpy as np

from kernels.conv2d.tiles_correlate import list_pixels, list_runs
from kernels.cpu import simd
from kernels.jit import jit

MOST_COLUMNS, LEAST_STEPS = 3, 8  # more columns, or fewer channels to sum, and the lanes are better used the other way
TASK_PIXELS = 256  # what a thread takes at a time


@jit(inner=True, inline="always")  # one library less to optimise
def correlate_narrow(x, k, transposed, b, y, vertical, horizontal, groups):
    """Compute what tiles_correlate.correlate does, for few columns per group."""
    N, Ho, Wo, F = y.shape
    P, Q, Ck, Fk = k.shape
    factors, place = k.reshape(-1), np.empty((2, F), np.int64)  # where a column's numbers begin, and how far to a tap's
    for f in range(F):
        g, steps, each = f // (F // groups), x.shape[3] // groups, F // groups
        place[0, f], place[1, f] = ((f - g * each) * Fk + g * steps, Ck * Fk) if transposed else (f * Ck, Ck * Fk)
    if not transposed:
        factors = np.empty(k.size, k.dtype)  # k with its channels innermost
        for t in range(k.size):
            pq, c, f = t // (Ck * Fk), t // Fk % Ck, t % Fk
            factors[(pq * Fk + f) * Ck + c] = k.reshape(-1)[t]
    lines_each = max(1, TASK_PIXELS // max(Wo, 1))
    if y.size:
        _run(-(-N * Ho // lines_each), lines_each, x, factors, place, P * Q, Q, b, y, vertical, horizontal, groups)


@jit(inner=True, parallel=True)
def _run(parts, lines_each, x, factors, place, taps, Q, b, y, vertical, horizontal, groups):
    for t in numba.prange(parts):
        _task(t * lines_each, (t + 1) * lines_each, x, factors, place, taps, Q, b, y, vertical, horizontal, groups)


@jit(inner=True)
def _task(line, last_line, x, factors, place, taps, Q, b, y, vertical, horizontal, groups):
    N, Ho, _, F = y.shape
    table, x_starts, y_starts = list_pixels(line, min(last_line, N * Ho), x, y, vertical, horizontal)
    x_flat, y_flat, empty = x.reshape(-1), y.reshape(-1), simd.low_tile(x, 1, 14)
    lanes, steps = simd.lanes(x), x.shape[3] // groups
    for a in range(table.shape[0]):
        at, count = table[a, 2], table[a, 3]
        runs = list_runs(table[a, 0], table[a, 1], 0, taps, 1, Q, x, vertical, horizontal)
        for f in range(F):
            bias = b[f] if f < b.size else b.dtype.type(0)
            for m in range(at, at + count, simd.height(empty)):
                x_offsets, tile = simd.row_offsets(empty, x_starts, m), empty
                for run in range(runs.shape[0]):
                    u = runs[run, 0] + f // (F // groups) * steps
                    v = place[0, f] + runs[run, 1] * place[1, f]
                    for step in range(0, steps, lanes):
                        valid = min(lanes, steps - step)
                        # lesson: conv2d.narrow
                        tile = simd.add_product(tile, x_flat, x_offsets, u + step, factors, v + step, valid)
                simd.store_sums(tile, y_flat, simd.row_offsets(empty, y_starts, m), f, bias)
