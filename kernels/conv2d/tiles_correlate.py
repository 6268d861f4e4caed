"""forward and backward_data are one loop: pixels of y as the rows of a tile, the window's taps as the steps of its sum.

backward_data exchanges the roles of x and y, and of k's channels and filters, and has its own list of taps (taps.py).
A task is some lines of y and some blocks of its columns. It packs one panel of k after another, small enough for the
second-level cache, and lets all its pixels pass over it.
"""

from math import gcd

import numba
import numpy as np

from kernels.conv2d.panels import pack, pack_transposed
from kernels.conv2d.taps import CLASS, SOURCE
from kernels.cpu import simd
from kernels.cpu.cache_line import LINE
from kernels.cpu.tiled_sums import SPARE, allocate, block, block_count, fill_spare, sum_block
from kernels.jit import jit

PANEL_BYTES = 1 << 18  # a panel stays in the second-level cache while all pixels of a task pass over it
PACKING_PAYS = 64  # pixels that pass over a panel
LEAST_PIXELS, MOST_PIXELS = 56, 2048  # of a task; more tasks than threads would only pack more often


@jit(inner=True, inline="always")  # one library less to optimise
def correlate(x, k, transposed, b, y, vertical, horizontal, groups, threads):
    """Compute y[n,i,j,f] = b[f] + the sum over the taps and channels of (n,i,j)'s class.

    x, y (N,H,W,C)  k (P,Q,C/groups,F)

    transposed: the steps run over k's filters and y's columns are its channels.  b may be empty.
    """
    N, Ho, Wo, F = y.shape
    lanes = simd.lanes(x)
    start = np.empty(F + simd.WIDEST * lanes, x.dtype)  # a block's last vector reads beyond F
    for f in range(start.size):
        start[f] = b[f] if f < b.size else 0
    blocks = groups * block_count(-(-(F // groups) // lanes))
    lines = N * Ho
    # a task for each thread: blocks of columns first, which divides the packing too, then pixels
    parts = max(1, min(threads // gcd(threads, max(blocks, 1)), lines * Wo // LEAST_PIXELS))
    blocks_each = -(-blocks // max(1, min(blocks, -(-threads // parts))))
    parts_across = -(-blocks // max(blocks_each, 1))
    parts *= max(1, -(-lines * Wo // (parts * MOST_PIXELS)))
    lines_each = max(1, -(-lines // parts))
    parts = -(-lines // lines_each)
    if y.size and parts * parts_across == 1:  # done before a second thread would have started
        zero = np.int64(0)  # a plain 0 would be a type of its own, and the task compiled again for it
        _task(zero, lines, zero, blocks, x, k, transposed, start, y, vertical, horizontal, groups)
    elif y.size:
        _run(parts, lines_each, parts_across, blocks_each, x, k, transposed, start, y, vertical, horizontal, groups)


@jit(inner=True, parallel=True)
def _run(parts, lines_each, parts_across, blocks_each, x, k, transposed, start, y, vertical, horizontal, groups):
    for t in numba.prange(parts * parts_across):
        line, first = t // parts_across * lines_each, t % parts_across * blocks_each
        last_line, last = line + lines_each, first + blocks_each
        _task(line, last_line, first, last, x, k, transposed, start, y, vertical, horizontal, groups)


@jit(inner=True)
def _task(line, last_line, first, last, x, k, transposed, start, y, vertical, horizontal, groups):
    """Compute the lines (i,n) line..last_line of y, in the blocks first..last of the columns of all groups."""
    taps, columns_each, steps = k.shape[0] * k.shape[1], y.shape[3] // groups, x.shape[3] // groups
    table, x_starts, y_starts = list_pixels(line, min(last_line, y.shape[0] * y.shape[1]), x, y, vertical, horizontal)
    lanes = simd.lanes(x)
    vectors = -(-columns_each // lanes)
    blocks = block_count(vectors)
    numbers = min(PANEL_BYTES // x.itemsize, taps * max(steps, 1) * min(vectors, simd.WIDEST) * lanes)
    panel = allocate(numbers + simd.WIDEST * lanes * lanes, x)  # a last square may write beyond its end
    x_flat, y_flat, k_flat = x.reshape(-1), y.reshape(-1), k.reshape(-1)
    one, zero = np.int64(1), np.int64(0)  # the plain numbers would be types of their own in a tuple
    for index in range(first, min(last, groups * blocks)):
        g = index // blocks
        vector, vecs = block(vectors, index - g * blocks)
        wide, f = vecs * lanes, g * columns_each + vector * lanes
        valid = min(wide, (g + 1) * columns_each - f)
        # as many steps as a panel holds: part of one tap if it has many channels, else several taps
        steps_each = max(1, min(steps, numbers // wide))
        taps_each = max(1, min(taps, numbers // (wide * steps_each)))
        # whole rows of k that begin with a cache line need no copy, and for few pixels it does not pay
        rows = wide == y.shape[3] and k.ctypes.data % LINE == 0
        as_it_is = not transposed and valid == wide and (rows or x_starts.size < PACKING_PAYS)
        fresh = True
        for tap in range(0, taps, taps_each):
            last_tap = min(taps, tap + taps_each)
            for step in range(0, max(steps, 1), steps_each):
                length = min(steps_each, steps - step)
                if as_it_is:
                    place = (k_flat, (tap * steps + step) * y.shape[3] + f, y.shape[3])
                else:
                    place = (panel, zero, wide)
                    if transposed:
                        pack_transposed(
                            k, tap, last_tap, g * steps + step, length, f - g * columns_each, valid, vecs, panel
                        )
                    else:
                        pack(k, tap, last_tap, step, length, f, valid, vecs, panel)
                # pixels of one class sum over the same taps, so their tiles share one list of runs
                for a in range(table.shape[0]):
                    at, count = table[a, 2], table[a, 3]
                    runs = list_runs(
                        table[a, 0], table[a, 1], tap, last_tap, length, k.shape[1], x, vertical, horizontal
                    )
                    source, target = (x_flat, x_starts[at:], g * steps + step, one), (y_flat, y_starts[at:], f, valid)
                    sum_block(vecs, source, place, start, target, runs, count, fresh)
                fresh = False


@jit(inner=True)
def list_pixels(line, last_line, x, y, vertical, horizontal):
    """List the pixels of the lines by class: (class down, class across, first, count) of each, and two tables.

    Lines are counted over the images first: a task then has the same lines of many images, which share their classes,
    and a border's few pixels fill a tile. The lists hold for each pixel where its window begins in x and where its
    result goes in y.
    """
    _, H, W, C = x.shape
    N, Ho, Wo, F = y.shape
    downs, acrosses = vertical.classes.shape[0], horizontal.classes.shape[0]
    most = (last_line - line) * Wo + downs * acrosses * SPARE
    table = np.empty((downs * acrosses, 4), np.int64)
    x_starts, y_starts = np.empty(most, np.int64), np.empty(most, np.int64)
    # the columns sorted by class, so that the loop over pixels only adds
    js, ends, filled = np.empty((2, Wo), np.int64), np.empty(acrosses, np.int64), 0
    for b in range(acrosses):
        for j in range(Wo):
            if horizontal.table[j, CLASS] == b:
                js[0, filled], js[1, filled] = horizontal.table[j, SOURCE] * C, j * F
                filled += 1
        ends[b] = filled
    found, at = 0, 0
    for a in range(downs):
        for b in range(acrosses):
            first = at
            left = ends[b - 1] if b else 0
            for t in range(line, last_line):
                i = t // N
                n = t - i * N
                if vertical.table[i, CLASS] == a:
                    source = (n * H + vertical.table[i, SOURCE]) * W * C
                    for j in range(left, ends[b]):
                        x_starts[at + j - left] = source + js[0, j]
                        y_starts[at + j - left] = (n * Ho + i) * Wo * F + js[1, j]
                    at += ends[b] - left
            if at > first:
                table[found, 0], table[found, 1], table[found, 2], table[found, 3] = a, b, first, at - first
                fill_spare(x_starts, at)
                fill_spare(y_starts, at)
                found += 1
                at += SPARE
    return table[:found], x_starts, y_starts


@jit(inner=True)
def list_runs(a, b, tap, last_tap, length, Q, x, vertical, horizontal):
    """List the taps of class (a, b) among tap..last_tap as runs of `length` steps, by their begin in x and k."""
    _, H, W, C = x.shape
    (_, classes_down, step_down, move_down), (_, classes_across, step_across, move_across) = vertical, horizontal
    p, ps = classes_down[a]
    q, qs = classes_across[b]
    runs = np.empty((ps * qs, 3), np.int64)
    count = 0
    for u in range(ps):
        for v in range(qs):
            t = (p + u * step_down) * Q + q + v * step_across
            if tap <= t < last_tap:
                at, step = (u * move_down * W + v * move_across) * C, (t - tap) * length
                # neighbouring taps that read on where the last one ended make one long run
                if (
                    count
                    and runs[count - 1, 0] + runs[count - 1, 2] == at
                    and runs[count - 1, 1] + runs[count - 1, 2] == step
                ):
                    runs[count - 1, 2] += length
                else:
                    runs[count, 0], runs[count, 1], runs[count, 2] = at, step, length
                    count += 1
    return runs[:count]
