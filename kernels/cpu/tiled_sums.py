"""Sums of outer products over all tiles of a matrix: the one loop that convolution and dense layers share.

    y[y_starts[r] + f] = start[f] + sum over the steps of x[x_starts[r] + step's place in x] * k[step's row of k, f]

forward: a row r is a pixel of y, the steps run over its window. backward_weights: a row is a weight (p,q,c), the steps
run over the pixels. Steps come in runs, (where x begins, first row of k, number of steps), so that the innermost loop
only adds. Columns f are cut into blocks as wide as a tile; the rows of k for one block are its panel.
"""

from math import lcm

import numpy as np

from kernels.cpu import simd, simd_panels
from kernels.cpu.cache_line import LINE
from kernels.jit import jit

LOW, HIGH = simd.ROWS[simd.WIDEST], simd.ROWS[simd.WIDEST - 1]  # rows of the widest tile, and of the next
TILES = lcm(*simd.ROWS.values())  # rows that are whole tiles, whatever their height: where tasks may be cut
SPARE = simd.MOST_ROWS  # tables of rows are filled so far beyond their end: a tile has whole rows


@jit(inner=True)
def sum_block(vecs, source, panel, start, target, runs, row_count, fresh):
    """Compute all sums of one block of columns, `vecs` vectors wide.

    source (x, x_starts, first, step)   panel (k, first, step)   target (y, y_starts, first, how many columns there are)
    fresh: begin with start[f]; if not, with what y holds.
    """
    x = source[0]
    # a tile's width is part of its type, so each width is compiled by itself
    if vecs == 4:
        _sum_tiles(simd.empty_tile(x, 4), source, panel, start, target, runs, row_count, fresh)
    elif vecs == 3:
        _sum_tiles(simd.empty_tile(x, 3), source, panel, start, target, runs, row_count, fresh)
    elif vecs == 2:
        _sum_tiles(simd.empty_tile(x, 2), source, panel, start, target, runs, row_count, fresh)
    else:
        _sum_tiles(simd.empty_tile(x, 1), source, panel, start, target, runs, row_count, fresh)


@jit(inner=True)
def _sum_tiles(empty, source, panel, start, target, runs, row_count, fresh):
    x, x_starts, x_first, x_step = source
    k, k_first, k_step = panel
    y, y_starts, f, columns = target
    for m in range(0, row_count, simd.height(empty)):
        x_offsets = simd.row_offsets(empty, x_starts, m)
        y_offsets = simd.row_offsets(empty, y_starts, m)
        # k may come in several panels: the first begins the sums, each later one takes them up where they were left
        tile = simd.fill(empty, start, f) if fresh else simd.load(empty, y, y_offsets, f, columns)
        for run in range(runs.shape[0]):
            u = x_first + runs[run, 0]
            v = k_first + runs[run, 1] * k_step
            end = u + runs[run, 2] * x_step
            while u != end:  # no counter: every register holds an address already
                # lesson: conv2d.forward, conv2d.data, conv2d.weights
                tile = simd.add_outer(tile, x, x_offsets, u, k, v)  # y-tile += outer(x-column, k-row)
                u += x_step
                v += k_step
        simd.store(tile, y, y_offsets, f, columns)


@jit(inner=True)
def sum_products(empty, source, panel, start, target, runs, row_count, fresh):
    """Do the same with products, number by number: y[y_starts[r] + c] += x[x_starts[r] + c ...] * k[step's row, c]."""
    if target[3] == simd.width(empty):
        _sum_products(empty, source, panel, start, target, runs, row_count, fresh, None)
    else:
        _sum_products(empty, source, panel, start, target, runs, row_count, fresh, target[3])


@jit(inner=True)
def _sum_products(empty, source, panel, start, target, runs, row_count, fresh, count):
    x, x_starts, x_first, x_step = source
    k, k_first, k_step = panel
    y, y_starts, c, columns = target
    for m in range(0, row_count, simd.height(empty)):
        x_offsets = simd.row_offsets(empty, x_starts, m)
        y_offsets = simd.row_offsets(empty, y_starts, m)
        tile = simd.fill(empty, start, c) if fresh else simd.load(empty, y, y_offsets, c, columns)
        for run in range(runs.shape[0]):
            u = x_first + runs[run, 0]
            v = k_first + runs[run, 1] * k_step
            end = u + runs[run, 2] * x_step
            while u != end:  # no counter: every register holds an address already
                # lesson: conv2d.depthwise
                tile = simd.add_product(tile, x, x_offsets, u, k, v, count)
                u += x_step
                v += k_step
        simd.store(tile, y, y_offsets, c, columns)


@jit(inner=True)
def block_count(vectors, widest=simd.WIDEST):
    """Return the number of blocks in `vectors` vectors of columns: as many of the widest as fit, and what is left."""
    return -(-vectors // widest)


@jit(inner=True)
def block(vectors, index, widest=simd.WIDEST):
    """Return (first vector, number of vectors) of a block."""
    first = index * widest
    return first, min(widest, vectors - first)


@jit(inner=True)
def widest_for(row_count):
    """Return the vectors of a block with so few rows: one less than most if the higher tiles waste less."""
    return simd.WIDEST - 1 if -(-row_count // HIGH) * HIGH < -(-row_count // LOW) * LOW else simd.WIDEST


@jit(inner=True)
def fill_spare(starts, row_count):
    """Repeat the last row beyond the end: a tile's spare rows compute that row again and store the same number."""
    for r in range(row_count, row_count + SPARE):
        starts[r] = starts[row_count - 1]


@jit(inner=True)
def list_starts(count, step):
    """Return 0, step, 2*step, ...: where `count` evenly spaced rows begin, and a tile's spare rows."""
    starts = np.empty(count + SPARE, np.int64)
    for r in range(count):
        starts[r] = r * step
    if count > 0:
        fill_spare(starts, count)
    return starts


@jit(inner=True)
def allocate(size, x):
    """Return room for `size` numbers of x's type that begins with a cache line."""
    room = np.empty(size + LINE // x.itemsize, x.dtype)
    first = -np.int64(room.ctypes.data) % LINE // x.itemsize
    return room[first : first + size]


@jit(inner=True)
def copy_rows(vecs, source, first, step, steps, count, target, at):
    """Copy `steps` rows of `count` numbers, `step` apart, one after the other into target, filled to whole vectors."""
    if vecs == 4:
        _copy_rows(simd.empty_tile(source, 4), source, first, step, steps, count, target, at)
    elif vecs == 3:
        _copy_rows(simd.empty_tile(source, 3), source, first, step, steps, count, target, at)
    elif vecs == 2:
        _copy_rows(simd.empty_tile(source, 2), source, first, step, steps, count, target, at)
    else:
        _copy_rows(simd.empty_tile(source, 1), source, first, step, steps, count, target, at)


@jit(inner=True)
def _copy_rows(empty, source, first, step, steps, count, target, at):
    ahead = 16 * step  # far enough to arrive in time
    for row in range(steps):
        simd_panels.copy_row(empty, source, first + row * step, count, target, at + row * simd.width(empty), ahead)


@jit(inner=True)
def hold(y, limits):
    """Hold the numbers of y, which is flat and still in a cache, between limits = (low, high); a NaN stays one."""
    low, high = limits[0], limits[1]
    for e in range(y.size):
        v = low if y[e] <= low else y[e]
        y[e] = high if v >= high else v
