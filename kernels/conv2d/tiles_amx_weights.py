"""backward_weights on the matrix unit: filters as the rows of its tiles, channels as the columns, pixels as the terms.

dk[p,q,c,f] sums over positions m of a plane (amx_jobs.py): dy[m,f] * x[m + move of (p,q), c], with dy = 0 where a line
has no result. Word (s,c) of x's tile is the pair of the pixels m + s and m + s + 16, so that a tap moves the tile by
whole rows, at cache lines; dy is turned over, filters down and pixels across.
A chunk of lines is split once, then all (p,q) and blocks of channels and filters share it. Chunks depend on the shape
alone and are added in order, so that the bits do not depend on the number of threads.
"""

import numba
import numpy as np

from kernels.amx.instructions import configure, release, store, zero
from kernels.amx.split import PARTS, split_pairs
from kernels.amx.sums import BLOCK, ROW, TILE, add_step
from kernels.conv2d.amx_jobs import COLUMN, PLANE, TAP
from kernels.conv2d.amx_jobs import ROW as TAP_ROW
from kernels.cpu import simd, simd_panels
from kernels.cpu.tiled_sums import allocate
from kernels.jit import jit

CHUNK = 256 << 10  # words of a chunk's tiles: they stay in the second-level cache
LEAST_POSITIONS = 512  # of a chunk: fewer would be too few steps for the sums' loads and stores


def count_units(job, x_shape, dy_shape, groups):
    """Return how many lines (n,i) a chunk has, and how many units of x, 16 channels of a plane, and of dy are split."""
    x_units = groups * _sixteens(x_shape[3] // groups) * len(job.planes)
    dy_units = groups * _sixteens(dy_shape[3] // groups)
    words = (2 * x_units + dy_units) * PARTS * ROW // 2  # of a position
    positions = max(LEAST_POSITIONS, CHUNK // words)
    return min(dy_shape[0] * dy_shape[1], max(1, positions // job.pitch)), x_units, dy_units


def _sixteens(count):
    """Return the number of blocks of 16 in whole blocks of 32."""
    return -(-count // BLOCK) * 2


@jit()
def sum_positions(dy, db):
    """Compute db[f] = sum_m dy[m,f]."""
    for f in range(db.size):
        db[f] = 0
    for m in range(dy.shape[0]):
        for f in range(db.size):
            db[f] += dy[m, f]


@jit()
def weights_gradient(unit, small, large, job, each, x, dy, groups, x_extremes, dy_extremes, dk):
    """Compute dk (P,Q,C,F) of x (N,H,W,C) and dy (N,Ho,Wo,F), `each` lines (n,i) at a time."""
    rows_down, lines = job.count_down, dy.shape[0] * dy.shape[1]
    moves = np.empty(job.taps.shape[0], np.int64)
    for t in range(moves.size):
        moves[t] = job.taps[t, TAP_ROW] * job.pitch + job.taps[t, COLUMN]
    for line in range(0, lines, each):
        last = min(lines, line + each)
        pieces = (last - 1) // rows_down - line // rows_down + 1  # of images
        positions = (last - line + (pieces - 1) * job.halo) * job.pitch  # beyond, dy is 0
        steps = -(-positions // BLOCK)
        length = steps * BLOCK + moves.max()
        pixels = allocate(x_extremes.shape[0] * PARTS * length * ROW, x_extremes)
        turned = allocate(dy_extremes.shape[0] * PARTS * steps * TILE, dy_extremes)
        _split(line, last, length, steps, job, x, dy, groups, pixels, turned, x_extremes, dy_extremes)
        _add_chunk(unit, small, large, line == 0, length, steps, job, moves, groups, pixels, turned, dk)


@jit(inner=True, parallel=True)
def _split(line, last, length, steps, job, x, dy, groups, pixels, turned, x_extremes, dy_extremes):
    """Split a chunk: pixels[block, part, plane, m], rows of 16 channels; turned[block, part, step], 16 filters each."""
    C, F, planes = x.shape[3] // groups, dy.shape[3] // groups, job.planes.shape[0]
    c_blocks, f_blocks, x_units = -(-C // BLOCK) * 2, -(-F // BLOCK) * 2, x_extremes.shape[0]
    for task in numba.prange(x_units + dy_extremes.shape[0]):
        if task < x_units:
            block, plane = task // planes, task % planes
            c = block % c_blocks * ROW
            laid = np.zeros((length + ROW) * ROW, x.dtype)
            first, channel, valid = job.planes[plane], block // c_blocks * C + c, min(ROW, C - c)
            _lay(
                line,
                last,
                job,
                job.halo,
                job.pitch,
                x,
                first[0],
                first[1],
                job.step_down,
                job.step_across,
                channel,
                valid,
                laid,
            )
            apart = planes * length * ROW
            at = block * PARTS * apart + plane * length * ROW
            for m in range(length):
                split_pairs(laid, m * ROW, ROW * ROW, pixels, at + m * ROW, apart, x_extremes, task)
        else:
            block = task - x_units
            f = block % f_blocks * ROW
            laid = np.zeros(steps * BLOCK * ROW, dy.dtype)
            filter_, valid, none, one = block // f_blocks * F + f, min(ROW, F - f), np.int64(0), np.int64(1)
            _lay(line, last, job, none, job.count_across, dy, none, none, one, one, filter_, valid, laid)
            _turn(laid, steps, turned, block * PARTS * steps * TILE, dy_extremes, block)


@jit(inner=True)
def _lay(line, last, job, halo, columns, x, first_h, first_w, step_down, step_across, channel, valid, laid):
    """Write `valid` channels of the pixels of a plane, or of dy, at their positions, into zeros of 16 channels."""
    _, H, W, C = x.shape
    flat, rows_down, above = x.reshape(-1), job.count_down, np.int64(0)
    while line < last:
        n, i = line // rows_down, line % rows_down
        count = min(rows_down - i, last - line)
        for row in range(count + halo):
            h = first_h + (i + row) * step_down
            if 0 <= h < H:
                for column in range(columns):
                    w = first_w + column * step_across
                    if 0 <= w < W:
                        place, at = ((n * H + h) * W + w) * C + channel, ((above + row) * job.pitch + column) * ROW
                        for c in range(valid):
                            laid[at + c] = flat[place + c]
        above += count + job.halo
        line += count


@jit(inner=True)
def _turn(laid, steps, turned, at, extremes, unit):
    """Split 16 filters, turned over: row f of a step's tile is the pairs of the pixels m, m + 16."""
    lanes, square, across = simd.lanes(laid), simd.empty_tile(laid, 1), allocate(BLOCK * ROW, laid)
    for step in range(steps):
        for m in range(0, BLOCK, lanes):
            for f in range(0, ROW, lanes):
                source = (step * BLOCK + m) * ROW + f
                simd_panels.transpose(square, laid, source, ROW, lanes, lanes, across, f * BLOCK + m, BLOCK)
        for f in range(ROW):
            split_pairs(across, f * BLOCK, ROW, turned, at + f * ROW, steps * TILE, extremes, unit)
        at += TILE


@jit(inner=True, parallel=True)
def _add_chunk(unit, small, large, fresh, length, steps, job, moves, groups, pixels, turned, dk):
    """Add a chunk's sums to dk, or begin with them."""
    _, Q, C, dk_filters = dk.shape
    F, planes, taps = dk_filters // groups, job.planes.shape[0], moves.size
    c_blocks, f_blocks = -(-C // BLOCK), -(-F // BLOCK)
    for task in numba.prange(groups * c_blocks * f_blocks * taps):
        group, cb = task // (taps * f_blocks * c_blocks), task // (taps * f_blocks) % c_blocks
        fb, t = task // taps % f_blocks, task % taps
        registers, sums = unit.copy(), allocate(BLOCK * BLOCK, dk)
        x_apart, dy_apart = planes * length * ROW, steps * TILE
        x_block, dy_block = PARTS * x_apart, PARTS * dy_apart
        u = (group * f_blocks + fb) * 2 * dy_block
        v = (group * c_blocks + cb) * 2 * x_block + (job.taps[t, PLANE] * length + moves[t]) * ROW
        configure(registers)
        zero(registers, 0)
        zero(registers, 1)
        zero(registers, 2)
        zero(registers, 3)
        for step in range(steps if small.shape[0] else 0):
            a, b = u + step * TILE, v + step * BLOCK * ROW
            add_step(registers, small, turned, a, a + dy_block, dy_apart, pixels, b, b + x_block, x_apart)
        for step in range(steps):
            a, b = u + step * TILE, v + step * BLOCK * ROW
            add_step(registers, large, turned, a, a + dy_block, dy_apart, pixels, b, b + x_block, x_apart)
        store(registers, 0, sums, 0, BLOCK)
        store(registers, 1, sums, ROW, BLOCK)
        store(registers, 2, sums, ROW * BLOCK, BLOCK)
        store(registers, 3, sums, ROW * BLOCK + ROW, BLOCK)
        release(registers)
        p, q = job.taps[t, TAP] // Q, job.taps[t, TAP] % Q
        for c in range(min(BLOCK, C - cb * BLOCK)):
            for f in range(min(BLOCK, F - fb * BLOCK)):
                place, total = group * F + fb * BLOCK + f, sums[f * BLOCK + c]
                dk[p, q, cb * BLOCK + c, place] = total if fresh else dk[p, q, cb * BLOCK + c, place] + total
