"""forward and backward_data are one loop: pixels of y as the rows of a tile, the window's taps as the steps of its sum.

backward_data exchanges the roles of x and y, and of k's channels and filters, and has its own list of taps (taps.py).
"""

import numba
import numpy as np

from kernels import simd
from kernels.conv2d.taps import CLASS, SOURCE
from kernels.jit import jit
from kernels.tiled_sums import SPARE, block, block_count, fill_spare, sum_block

PANEL_STEPS = 1024  # a panel of so many steps stays in the second-level cache
TASK_PIXELS = 512  # a task's pixels of x stay there beside it
TASKS = 32  # enough to keep many cores busy, from the shape alone


@jit()
def correlate(x, panels, b, y, rows, columns, taps_across, groups):
    """y[n,i,j,f] = b[f] + the sum over the taps and channels of (n,i,j)'s class; x, y (N,H,W,C), panels of panels.py."""
    N, Ho, Wo, F = y.shape
    lanes = simd.lanes(x)
    start = np.empty(F + simd.WIDEST * lanes, x.dtype)  # a block's last vector reads beyond F
    for f in range(start.size):
        start[f] = b[f] if f < b.size else 0
    blocks = groups * block_count(-(-(F // groups) // lanes))
    lines = N * Ho
    pixels = min(TASK_PIXELS, lines * Wo // TASKS)
    lines_each = max(1, pixels // max(Wo, 1))
    parts = -(-lines // lines_each)
    parts_across = max(1, min(blocks, TASKS // max(parts, 1)))
    blocks_each = -(-blocks // parts_across)
    parts_across = -(-blocks // max(blocks_each, 1))
    if y.size:
        _run(parts, lines_each, parts_across, blocks_each, x, panels, start, y, rows, columns, taps_across, groups)


@jit(parallel=True)
def _run(parts, lines_each, parts_across, blocks_each, x, panels, start, y, rows, columns, taps_across, groups):
    for t in numba.prange(parts * parts_across):
        line, first = t // parts_across * lines_each, t % parts_across * blocks_each
        last_line, last = line + lines_each, first + blocks_each
        _task(line, last_line, first, last, x, panels, start, y, rows, columns, taps_across, groups)


@jit()
def _task(line, last_line, first, last, x, panels, start, y, rows, columns, taps_across, groups):
    """The lines (n,i) line..last_line of y, in the blocks of columns first..last of all groups."""
    N, Ho, Wo, F = y.shape
    last_line = min(last_line, N * Ho)
    most = (last_line - line) * Wo + SPARE
    x_rows, y_rows = np.empty(most, np.int64), np.empty(most, np.int64)
    lanes, steps = simd.lanes(x), x.shape[3] // groups
    vectors = -(-(F // groups) // lanes)
    blocks = block_count(vectors)
    x_flat, y_flat, one = x.reshape(-1), y.reshape(-1), np.int64(1)  # a plain 1 would be a type of its own
    all_steps = panels.size // (groups * vectors * lanes)
    for a in range(rows[1].shape[0]):
        for b in range(columns[1].shape[0]):
            count = _pixels(line, last_line, a, b, x, y, rows, columns, x_rows, y_rows)
            if count == 0:
                continue
            runs = _runs(a, b, x, rows, columns, taps_across, steps)
            for index in range(first, min(last, groups * blocks)):
                g = index // blocks
                vector, vecs = block(vectors, index - g * blocks)
                source = (x_flat, x_rows, g * steps, one)
                f = g * (F // groups) + vector * lanes
                panel = (panels, (g * vectors + vector) * lanes * all_steps, vecs * lanes)
                target = (y_flat, y_rows, f, min(vecs * lanes, (g + 1) * (F // groups) - f))
                begin, fresh = 0, True
                while fresh or begin < runs.shape[0]:
                    end, total = begin, 0
                    while end < runs.shape[0] and (end == begin or total + runs[end, 2] <= PANEL_STEPS):
                        total += runs[end, 2]
                        end += 1
                    sum_block(vecs, source, panel, start, target, runs[begin:end], count, fresh)
                    begin, fresh = end, False


@jit()
def _pixels(line, last_line, a, b, x, y, rows, columns, x_rows, y_rows):
    """List the pixels of class (a, b): where the window begins in x, where the result goes in y. Returns how many."""
    _, H, W, C = x.shape
    _, Ho, Wo, F = y.shape
    count = 0
    for t in range(line, last_line):
        n = t // Ho
        i = t - n * Ho
        if rows[0][i, CLASS] == a:
            for j in range(Wo):
                if columns[0][j, CLASS] == b:
                    x_rows[count] = ((n * H + rows[0][i, SOURCE]) * W + columns[0][j, SOURCE]) * C
                    y_rows[count] = (t * Wo + j) * F
                    count += 1
    if count:
        fill_spare(x_rows, count)
        fill_spare(y_rows, count)
    return count


@jit()
def _runs(a, b, x, rows, columns, taps_across, steps):
    """The taps of class (a, b) as runs over channels: one run of a tap, cut where it is longer than PANEL_STEPS."""
    _, H, W, C = x.shape
    (_, classes_down, step_down, move_down), (_, classes_across, step_across, move_across) = rows, columns
    p, ps = classes_down[a]
    q, qs = classes_across[b]
    length = steps
    if move_across * C == steps and step_across == 1:  # neighbouring taps read neighbouring pixels: one long run
        length, qs = steps * qs, min(qs, 1)
    pieces = -(-length // PANEL_STEPS)
    runs = np.empty((ps * qs * pieces, 3), np.int64)
    at = 0
    for u in range(ps):
        for v in range(qs):
            for piece in range(pieces):
                done = piece * PANEL_STEPS
                runs[at, 0] = (u * move_down * W + v * move_across) * C + done
                runs[at, 1] = ((p + u * step_down) * taps_across + q + v * step_across) * steps + done
                runs[at, 2] = min(PANEL_STEPS, length - done)
                at += 1
    return runs
