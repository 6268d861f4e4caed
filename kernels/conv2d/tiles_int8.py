"""The convolution of 8-bit images on the tiles of kernels/cpu/simd_steps.py.

A task is some images, or some lines of one. It writes x into a buffer of its own, as the numbers that a step of the
tiles takes and with x's zero point for the padding, so that the innermost loop knows no borders. The taps of a window
lie there in runs: a whole row of the window, Q*C numbers side by side, if nothing is dilated or grouped, else the
channels of one tap. A run that is no whole number of steps is completed by weights of zero: whatever number they meet
adds nothing, for integers have no NaN. The weights are laid out once for all tasks, STEP rows of k beside each other.

Numbers counted from BASE instead of the zero point make a filter's sum larger by (zero point - BASE) * the sum of its
weights, which its bias takes off again; 32 bits wrap around, so the result is the same to the bit.
"""

import numba
import numpy as np

from kernels.cpu import simd, simd_steps, simd_sums
from kernels.cpu.simd_steps import BASE, STEP
from kernels.cpu.simd_sums import ROWS, WIDTH
from kernels.jit import jit

CHUNK = 1 << 15  # numbers of a task's buffer: it stays in the second-level cache beside the weights
LARGE = 1 << 21 if STEP == 4 else 1 << 18  # multiply-adds from which several threads are quicker
WINDOW = 4  # pixels of a pooling window, two by two
TOGETHER = ROWS // WINDOW  # windows of a tile
PIXELS = TOGETHER * WINDOW  # of them
REAL = 4  # bytes of a result that is a real number


@jit(inner=True)
def list_runs(k, C, Wp, dilation, groups):
    """Return (length of a run, the places where they begin in the buffer, from the window's first pixel on)."""
    P, Q, Cg, _ = k.shape
    if groups == 1 and dilation[1] == 1:
        places = np.empty(P, np.int64)
        for p in range(P):
            places[p] = p * dilation[0] * Wp * C
        return Q * Cg, places
    places = np.empty(P * Q, np.int64)
    for p in range(P):
        for q in range(Q):
            places[p * Q + q] = (p * dilation[0] * Wp + q * dilation[1]) * C
    return Cg, places


@jit(inner=True)
def pack(k, length, runs, groups):
    """Lay k out for the tiles: by group, block of filters, and STEP of its rows; k is read in its own order."""
    F = k.shape[3]
    each = F // groups
    blocks, steps = -(-each // WIDTH), -(-length // STEP)
    flat, rows = k.reshape(-1), np.empty(STEP * WIDTH, np.int8)
    size = runs * steps * STEP * WIDTH  # of a block
    packed = np.empty(groups * blocks * size, simd_steps.K)
    for run in range(runs):
        for row in range(0, length, STEP):
            at, start = (run * steps + row // STEP) * STEP * WIDTH, (run * length + row) * F
            there = min(STEP, length - row)
            for g in range(groups):
                for f in range(0, each, WIDTH):
                    first, valid = start + g * each + f, min(WIDTH, each - f)
                    if there == STEP and valid == WIDTH:
                        simd_steps.interleave(flat, first, F, packed, at)
                    else:
                        rows[:] = 0
                        for i in range(there):
                            for j in range(valid):
                                rows[i * WIDTH + j] = flat[first + i * F + j]
                        simd_steps.interleave(rows, np.int64(0), np.int64(WIDTH), packed, at)
                    at += size
    return packed


@jit(inner=True)
def correct(k, b, m, x_zero):
    """Return (what every sum starts with, its multiplier), a whole vector longer than F, and what the buffer is x less.

    The sums of each filter's weights are int32's, and wrap around as those of the tiles do.
    """
    F = k.shape[3]
    starts, scales = np.zeros(F + WIDTH, np.int32), np.zeros(F + WIDTH, np.float32)
    starts[:F], scales[:F] = b, m
    base = np.int16(x_zero if BASE is None else BASE)
    if base != x_zero:
        flat, totals = k.reshape(-1), np.zeros(F, np.int32)
        for first in range(0, flat.size, F):
            row = flat[first : first + F]
            for f in range(row.size):
                totals[f] += row[f]
        for f in range(F):
            starts[f] -= np.int32(x_zero - base) * totals[f]
    return starts, scales, base


@jit(inner=True)
def copy_lines(x, zero, base, n, lines, above, left, target):
    """Write the lines (first, last) of image n (of the padded image) to the target (lines, numbers of one), less base.

    Beyond the image stands the zero point.
    """
    _, H, W, C = x.shape
    flat, outside, size = x.reshape(-1), np.int16(zero - base), target.shape[1]
    begin = min(left * C, size)
    end = min(begin + W * C, size)
    for line in range(lines[0], lines[1]):
        h, row = line - above, target[line - lines[0]]
        if h < 0 or h >= H:
            row[:] = outside
            continue
        row[:begin] = outside
        inside, source = row[begin:end], flat[(n * H + h) * W * C : (n * H + h + 1) * W * C]
        for t in range(inside.size):
            inside[t] = np.int16(source[t]) - base
        row[end:] = outside


@jit(inner=True)
def divide(N, Ho, numbers, threads):
    """Return (images of a task, lines of a task): whole images if several fit into a buffer, else lines of one."""
    if numbers <= CHUNK and threads <= N:
        return max(1, min(CHUNK // max(numbers, 1), -(-N // threads))), Ho
    lines = max(1, min(-(-Ho // threads) if threads > N else Ho, Ho * CHUNK // max(numbers, 1)))
    return 1, lines


@jit(inner=True)
def _task(t, x, x_zero, base, settings, places, packed, b, m, y):
    """Compute some images, or some lines of one; `settings` are the numbers that `correlate` lists."""
    down, across, above, left, groups = settings[0], settings[1], settings[2], settings[3], settings[4]
    Wp, length, images, lines, height = settings[5], settings[6], settings[7], settings[8], settings[9]
    N, Ho, Wo, F = settings[10], settings[11], settings[12], settings[13]
    size, pixels, C = settings[14], settings[15], x.shape[3]
    step_down, step_across = (2 * down, 2 * across) if pixels == WINDOW else (down, across)
    bands = -(-Ho // lines)
    n, i = t // bands * images, t % bands * lines
    last, until = min(n + images, N), min(i + lines, Ho)
    top, bottom = i * step_down, (until - 1) * step_down + height
    each = (bottom - top) * Wp * C
    buffer = np.empty((last - n) * each + STEP, simd_steps.X)
    buffer[(last - n) * each :] = 0
    count = (last - n) * (until - i) * Wo
    x_starts, y_starts = np.empty(pixels * count + ROWS, np.int64), np.empty(count + ROWS, np.int64)
    at = 0
    for image in range(last - n):
        inside = buffer[image * each : (image + 1) * each].reshape(bottom - top, Wp * C)
        copy_lines(x, x_zero, base, n + image, (top, bottom), above, left, inside)
        for line in range(until - i):
            source = image * each + line * step_down * Wp * C
            target = ((n + image) * Ho + i + line) * Wo * F
            for j in range(Wo):
                x_starts[pixels * (at + j)] = source
                if pixels == WINDOW:  # its pixels lie one after the other
                    first = WINDOW * (at + j)
                    x_starts[first + 1] = source + across * C
                    x_starts[first + 2] = source + down * Wp * C
                    x_starts[first + 3] = source + (down * Wp + across) * C
                source += step_across * C
                y_starts[at + j] = (target + j * F) * size
            at += Wo
    for r in range(ROWS):  # spare rows compute the last one again
        x_starts[pixels * count + r], y_starts[count + r] = x_starts[pixels * count - 1], y_starts[count - 1]
    columns, steps = F // groups, -(-length // STEP)
    result, v = (b, m, size, (settings[16], settings[17], settings[18]), pixels), np.int64(0)
    for g in range(groups):
        source_of_group = (buffer, x_starts, g * (C // groups), places, steps)
        for f in range(0, columns, WIDTH):
            target_of_block = (y, y_starts, g * columns + f, min(WIDTH, columns - f))
            _block(source_of_group, packed, v, result, target_of_block, count)
            v += places.size * steps * STEP * WIDTH


@jit(inner=True)
def _block(source, packed, v, result, target, count):
    """Compute all pixels, or all windows, of one block of filters."""
    size, pixels, valid = result[2], result[4], target[3]
    narrow, row = valid < WIDTH, WIDTH * size  # a narrow block is stored apart, and copied
    place, starts = (np.empty(ROWS * row, np.int8), np.arange(ROWS) * row) if narrow else (target[0], target[1])
    pixel, window = simd_sums.no_sums(1), simd_sums.no_sums(WINDOW)
    pixel_tile, window_tile = simd_sums.no_sums(ROWS), simd_sums.no_sums(PIXELS)
    if pixels == WINDOW:  # the largest sum has the largest level
        whole = count // TOGETHER * TOGETHER
        for r in range(0, whole, TOGETHER):
            sums = simd_sums.largest(_sum(window_tile, source, WINDOW * r, packed, v))
            _store(sums, result, target, r, place, starts)
        for r in range(whole, count):
            sums = simd_sums.largest(_sum(window, source, WINDOW * r, packed, v))
            _store(sums, result, target, r, place, starts)
    else:  # one or two rows are left: tiles of one row
        whole = count if count % ROWS > 2 else count // ROWS * ROWS
        for r in range(0, whole, ROWS):
            _store(_sum(pixel_tile, source, r, packed, v), result, target, r, place, starts)
        for r in range(whole, count):
            _store(_sum(pixel, source, r, packed, v), result, target, r, place, starts)


@jit(inner=True, forceinline=True)
def _store(sums, result, target, r, place, starts):
    """Write the rows r, r+1, ... of y; those of a narrow block by way of `place`."""
    b, m, size, levels, _ = result
    y, y_starts, f, valid = target
    narrow = valid < WIDTH
    offsets = simd.row_offsets(sums, starts, 0 if narrow else r)
    simd_sums.store(sums, b, m, f, levels, size == REAL, place, offsets, 0 if narrow else f * size)
    if narrow:
        last = min(r + simd.height(sums), y_starts.size - ROWS)
        _copy(place, WIDTH * size, y, y_starts[r:last], f * size, valid * size)


@jit(inner=True)
def _copy(scratch, step, y, y_starts, at, size):
    """Copy the bytes of a block that is narrower than a tile."""
    for r in range(y_starts.size):
        target, source = y[y_starts[r] + at : y_starts[r] + at + size], scratch[r * step : r * step + size]
        for j in range(size):
            target[j] = source[j]


@jit(inner=True, forceinline=True)
def _sum(tile, source, r, packed, v):
    """Return the sums of the pixels r, r+1, ..."""
    x, x_starts, first, places, steps = source
    offsets = simd.row_offsets(tile, x_starts, r)
    for run in range(places.size):
        u = first + places[run]
        end = u + STEP * steps
        while u != end:
            tile = simd_steps.add_step(tile, x, offsets, u, packed, v)
            u += STEP
            v += STEP * WIDTH
    return tile


@jit(inner=True, parallel=True)
def _run(tasks, x, x_zero, base, settings, places, packed, b, m, y):
    for t in numba.prange(tasks):
        _task(np.int64(t), x, x_zero, base, settings, places, packed, b, m, y)


@jit()
def _correlate(x, k, b, m, x_zero, levels, kind, stride, before, dilation, groups, threads, y_shape, y):
    N, Ho, Wo, F = y_shape
    P, Q, Cg, _ = k.shape
    size, pixels = kind
    pooled = pixels == WINDOW
    height = (P - 1) * dilation[0] + 1 + (stride[0] if pooled else 0)
    Hp = (Ho - 1) * stride[0] * (2 if pooled else 1) + height
    Wp = (Wo * (2 if pooled else 1) - 1) * stride[1] + (Q - 1) * dilation[1] + 1
    length, places = list_runs(k, x.shape[3], Wp, dilation, groups)
    packed = pack(k, length, places.size, groups)
    starts, scales, base = correct(k, b, m, x_zero)
    several = threads if N * Ho * Wo * pixels * F * P * Q * Cg >= LARGE else 1
    images, lines = divide(N, Ho, Hp * Wp * x.shape[3], several)
    tasks = -(-N // images) * -(-Ho // lines) if y.size else 0
    geometry = (stride[0], stride[1], before[0], before[1], groups, Wp, length, images, lines, height)
    settings = np.array(geometry + y_shape + kind + levels)
    if several == 1:
        for t in range(tasks):
            _task(np.int64(t), x, x_zero, base, settings, places, packed, starts, scales, y)
    else:
        _run(tasks, x, x_zero, base, settings, places, packed, starts, scales, y)


def correlate(x, k, b, m, x_zero, levels, stride, before, dilation, groups, threads, y, pooled=False):
    """Compute y[n,i,j,f] = the level, or the number, of m[f] * (b[f] + sum over the window of (x - x_zero) * k).

    pooled: y's lines and columns are windows of 2x2 pixels, of which the largest is taken.
    """
    kind, places = (y.itemsize, WINDOW if pooled else 1), y.reshape(-1).view(np.int8)
    _correlate(x, k, b, m, x_zero, levels, kind, stride, before, dilation, groups, threads, y.shape, places)
