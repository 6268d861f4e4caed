"""forward and backward_data on the matrix unit: pixels as the rows of its tiles, taps and channels as the terms.

A task splits the lines that its results read into planes (amx_jobs.py) that stay in the second-level cache, and lets
all filters pass over them: 32 results x 32 filters at a time, one step for each tap and 32 channels. A tile begins at
the first result that no tile has yet, and may run over the end of a line: what it sums there is not stored.
Fewer channels or filters than 32 are filled up with zeros.
"""

import numba
import numpy as np

from kernels.amx.instructions import configure, release, store, zero
from kernels.amx.split import PAIR, PARTS, split_pairs
from kernels.amx.sums import BLOCK, ROW, TILE, add_step
from kernels.conv2d.amx_jobs import COLUMN, PLANE, TAP
from kernels.conv2d.amx_jobs import ROW as TAP_ROW
from kernels.cpu.tiled_sums import allocate
from kernels.jit import jit

STEP = 2 * PARTS * TILE  # words of the kernel's tiles for one step
BUFFER = 160 << 10  # words of a task's planes
PANELS = 192 << 10  # words of all filters' tiles that stay in the cache beside them


@jit()
def correlate(unit, small, large, job, x, k, transposed, b, groups, x_extremes, k_extremes, y):
    """Compute a job's results y[...,f] = b[f] + sum of x * k, by the products of two passes; x, y (N,H,W,C).

    transposed: the terms run over k's filters, and y's columns are its channels. b may be empty. What is split is noted
    in x_extremes, of one line for each task, and k_extremes, of one for each block of filters.
    """
    channels, filters = x.shape[3] // groups, y.shape[3] // groups
    c_blocks, f_blocks = -(-channels // BLOCK), -(-filters // BLOCK)
    packed = allocate(groups * f_blocks * c_blocks * job.taps.shape[0] * STEP, k_extremes)
    _pack(k, transposed, job.taps, groups, c_blocks, f_blocks, packed, k_extremes)
    start = np.zeros(y.shape[3] + BLOCK, y.dtype)
    start[: b.size] = b
    tasks = x_extremes.shape[0]
    lines = x.shape[0] * job.count_down
    each = -(-lines // tasks)
    _run(-(-lines // each), each, unit, small, large, job, x, packed, start, groups, x_extremes, y)


def task_count(job, x_shape, groups, threads):
    """Return into how many tasks the lines are divided: their planes fit the cache, and all threads have as many."""
    c_blocks, lines = -(-(x_shape[3] // groups) // BLOCK), x_shape[0] * job.count_down
    line = job.pitch * len(job.planes) * c_blocks * PARTS * ROW
    each = max(1, BUFFER // line - job.halo)
    fitting = -(-lines // each)
    return min(-(-fitting // threads) * threads, lines)


@jit(inner=True, parallel=True)
def _run(tasks, each, unit, small, large, job, x, packed, start, groups, extremes, y):
    lines = x.shape[0] * job.count_down
    for t in numba.prange(tasks):
        _task(t, t * each, min(lines, (t + 1) * each), unit, small, large, job, x, packed, start, groups, extremes, y)


@jit(inner=True, parallel=True)
def _pack(k, transposed, taps, groups, c_blocks, f_blocks, packed, extremes):
    """Split k: packed[group, f block, c block, tap, part, 2 tiles of 16 filters][c, f], channels c, c + 16 in pairs."""
    _, _, C, F = k.shape
    flat, each, count = k.reshape(-1), F // groups, taps.shape[0]
    terms, columns = (each, C) if transposed else (C, each)
    for unit in numba.prange(groups * f_blocks * c_blocks):
        group, f, c = unit // (f_blocks * c_blocks), unit // c_blocks % f_blocks * BLOCK, unit % c_blocks * BLOCK
        square = np.zeros(BLOCK * BLOCK, k.dtype)
        for t in range(count):
            first = taps[t, TAP] * C * F + group * each
            for i in range(min(BLOCK, terms - c)):
                for j in range(min(BLOCK, columns - f)):
                    place = (f + j) * F + c + i if transposed else (c + i) * F + f + j
                    square[i * BLOCK + j] = flat[first + place]
            for half in range(2):
                for i in range(ROW):
                    at = (unit * count + t) * STEP + half * TILE + i * ROW
                    split_pairs(
                        square, i * BLOCK + half * ROW, ROW * BLOCK, packed, at, np.int64(2 * TILE), extremes, unit
                    )


@jit(inner=True)
def _task(task, line, last, unit, small, large, job, x, packed, start, groups, extremes, y):
    """Compute the results of the lines (n,i) line..last of a job."""
    rows_down, columns = job.count_down, job.count_across
    C, F, taps = x.shape[3] // groups, y.shape[3] // groups, job.taps.shape[0]
    c_blocks, f_blocks = -(-C // BLOCK), -(-F // BLOCK)
    pieces = (last - 1) // rows_down - line // rows_down + 1  # of images
    plane = ((last - line + pieces * job.halo) * job.pitch + ROW) * ROW  # a last tile reads beyond the end
    apart = plane * job.planes.shape[0]
    planes, sums = allocate(c_blocks * PARTS * apart, extremes), allocate(2 * BLOCK * BLOCK, y)
    moves = np.empty(taps, np.int64)
    for t in range(taps):
        tap = job.taps[t]
        moves[t] = tap[PLANE] * plane + (tap[TAP_ROW] * job.pitch + tap[COLUMN]) * ROW
    most = (last - line) * columns // ROW + (last - line) + 2 * pieces + 2
    starts, places = np.empty(most, np.int64), np.empty(most * ROW, np.int64)
    tiles = _list_tiles(line, last, job, y, starts, places)
    # all filters for the same pixels, if their tiles stay in the cache; if not, all pixels for the same filters
    f_inner, pairs = f_blocks * c_blocks * taps * STEP <= PANELS, tiles // 2
    flat, registers = y.reshape(-1), unit.copy()
    configure(registers)
    for group in range(groups):
        for cb in range(c_blocks):
            channel = group * C + cb * BLOCK
            valid = min(BLOCK, C - cb * BLOCK)
            _split_planes(line, last, job, x, channel, valid, planes, cb * PARTS * apart, plane, apart, extremes, task)
        old, old_f, old_valid, now = np.int64(-1), np.int64(0), np.int64(0), np.int64(0)
        for index in range(pairs * f_blocks):
            pair, fb = (index // f_blocks, index % f_blocks) if f_inner else (index % pairs, index // pairs)
            zero(registers, 0)
            zero(registers, 1)
            zero(registers, 2)
            zero(registers, 3)
            # what a tile has stored is not forwarded to a vector's load: the block before is copied now
            _copy_rows(sums, BLOCK * BLOCK - now, places, old, start, old_f, old_valid, flat)
            v = (group * f_blocks + fb) * c_blocks * taps * STEP
            u0, u1 = starts[2 * pair], starts[2 * pair + 1]
            if small.shape[0]:
                _add_steps(registers, small, planes, u0, u1, apart, c_blocks, moves, packed, v)
            _add_steps(registers, large, planes, u0, u1, apart, c_blocks, moves, packed, v)
            store(registers, 0, sums, now, BLOCK)
            store(registers, 1, sums, now + ROW, BLOCK)
            store(registers, 2, sums, now + ROW * BLOCK, BLOCK)
            store(registers, 3, sums, now + ROW * BLOCK + ROW, BLOCK)
            old, old_f, old_valid, now = pair, group * F + fb * BLOCK, min(BLOCK, F - fb * BLOCK), BLOCK * BLOCK - now
        _copy_rows(sums, BLOCK * BLOCK - now, places, old, start, old_f, old_valid, flat)
    release(registers)


@jit(inner=True)
def _add_steps(registers, products, planes, u0, u1, apart, c_blocks, moves, packed, v):
    """Add all steps of one pass: a step for each 32 channels and tap."""
    for cb in range(c_blocks):
        for t in range(moves.size):
            at = cb * PARTS * apart + moves[t]
            add_step(registers, products, planes, u0 + at, u1 + at, apart, packed, v, v + TILE, 2 * TILE)
            v += STEP


@jit(inner=True)
def _list_tiles(line, last, job, y, starts, places):
    """List where each tile's rows begin in a plane, and where they go in y, -1 for nowhere; an even number of tiles."""
    _, H, W, F = y.shape
    rows_down, columns = job.count_down, job.count_across
    tiles, above = np.int64(0), np.int64(0)  # lines of the plane before this image's
    while line < last:
        n, i = line // rows_down, line % rows_down
        count = min(rows_down - i, last - line)
        m, end = np.int64(0), (count - 1) * job.pitch + columns
        while m < end:
            row, j = m // job.pitch, m % job.pitch
            if j >= columns:
                m, row, j = m + job.pitch - j, row + 1, np.int64(0)
            starts[tiles] = (above * job.pitch + m) * ROW
            for r in range(ROW):
                h, w = job.first_down + (i + row) * job.apart_down, job.first_across + j * job.apart_across
                places[tiles * ROW + r] = ((n * H + h) * W + w) * F if j < columns and m + r < end else -1
                j += 1
                if j == job.pitch:
                    row, j = row + 1, np.int64(0)
            tiles, m = tiles + 1, m + ROW
        above += count + job.halo
        line += count
    if tiles % 2:
        starts[tiles] = starts[tiles - 1]
        places[tiles * ROW : (tiles + 1) * ROW] = -1
        tiles += 1
    return tiles


@jit(inner=True)
def _split_planes(line, last, job, x, channel, valid, planes, at, plane, apart, extremes, task):
    """Split 32 channels (`valid` of them there, zeros besides) of all lines that the results line..last read."""
    _, H, W, C = x.shape
    flat, some, rows_down = x.reshape(-1), np.zeros(PAIR, x.dtype), job.count_down
    for index in range(job.planes.shape[0]):
        first_h, first_w = job.planes[index]
        to, here = at + index * plane, line
        while here < last:
            n, i = here // rows_down, here % rows_down
            count = min(rows_down - i, last - here)
            for row in range(i, i + count + job.halo):
                h = first_h + row * job.step_down
                for column in range(job.pitch):
                    w = first_w + column * job.step_across
                    inside, place = 0 <= h < H and 0 <= w < W, ((n * H + h) * W + w) * C + channel
                    if inside and valid == PAIR:
                        split_pairs(flat, place, ROW, planes, to, apart, extremes, task)
                    else:
                        for c in range(PAIR):
                            some[c] = flat[place + c] if inside and c < valid else 0
                        split_pairs(some, np.int64(0), ROW, planes, to, apart, extremes, task)
                    to += ROW
            here += count
        for _ in range(ROW):
            some[:] = 0
            split_pairs(some, np.int64(0), ROW, planes, to, apart, extremes, task)
            to += ROW


@jit(inner=True)
def _copy_rows(sums, first, places, pair, start, f, valid, flat):
    """Add the bias to 32 rows of sums, and write `valid` columns of each to y."""
    if pair < 0:
        return
    for r in range(BLOCK):
        place = places[pair * BLOCK + r]
        if place < 0:
            continue
        for j in range(valid):
            flat[place + f + j] = sums[first + r * BLOCK + j] + start[f + j]
