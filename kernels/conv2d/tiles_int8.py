"""The convolution of 8-bit images on the tiles of kernels/cpu/simd_pairs.py.

A task is some images, or some lines of one. It writes x - zero as 16-bit numbers into a buffer of its own, with zeros
for the padding, so that the innermost loop knows neither zero points nor borders. The taps of a window lie there in
runs: a whole row of the window, Q*C numbers side by side, if nothing is dilated or grouped, else the channels of one
tap. A run of odd length is completed by a weight of zero: whatever number it meets adds nothing, for integers have no
NaN. The weights are laid out once for all tasks, two rows of k beside each other.
"""

import numba
import numpy as np

from kernels.cpu import simd, simd_pairs
from kernels.cpu.simd_pairs import ROWS, WIDTH
from kernels.jit import jit

CHUNK = 1 << 15  # 16-bit numbers of a task's buffer: it stays in the second-level cache beside the weights
LARGE = 1 << 18  # multiply-adds from which several threads are quicker
WINDOW = 4  # pixels of a pooling window, two by two
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
    """Lay k out for the tiles: by group, block of filters, and pair of its rows; k is read in its own order."""
    F = k.shape[3]
    each = F // groups
    blocks, pairs = -(-each // WIDTH), (length + 1) // 2
    flat, rows = k.reshape(-1), np.empty(2 * WIDTH, np.int8)
    size = runs * pairs * 2 * WIDTH  # of a block
    packed = np.empty(groups * blocks * size, np.int16)
    for run in range(runs):
        for row in range(0, length, 2):
            at, start, both = (run * pairs + row // 2) * 2 * WIDTH, (run * length + row) * F, row + 1 < length
            for g in range(groups):
                for f in range(0, each, WIDTH):
                    first, valid = start + g * each + f, min(WIDTH, each - f)
                    if both and valid == WIDTH:
                        simd_pairs.interleave(flat, first, first + F, packed, at)
                    else:
                        rows[:] = 0
                        for j in range(valid):
                            rows[j] = flat[first + j]
                            if both:
                                rows[WIDTH + j] = flat[first + F + j]
                        simd_pairs.interleave(rows, np.int64(0), np.int64(WIDTH), packed, at)
                    at += size
    return packed


@jit(inner=True)
def widen(x, zero, n, top, bottom, above, left, buffer, at, Wp):
    """Write the lines top..bottom of image n (of the padded image) to the buffer, as x - zero, 0 beyond the image."""
    _, H, W, C = x.shape
    flat = x.reshape(-1)
    for line in range(top, bottom):
        h = line - above
        target = buffer[at : at + Wp * C]
        at += Wp * C
        if h < 0 or h >= H:
            target[:] = 0
            continue
        begin = min(left, Wp) * C
        end = min(begin + W * C, Wp * C)
        target[:begin] = 0
        inside, source = target[begin:end], flat[(n * H + h) * W * C : (n * H + h + 1) * W * C]
        for t in range(inside.size):
            inside[t] = np.int16(source[t]) - zero
        target[end:] = 0


@jit(inner=True)
def divide(N, Ho, numbers, threads):
    """Return (images of a task, lines of a task): whole images if several fit into a buffer, else lines of one."""
    if numbers <= CHUNK and threads <= N:
        return max(1, min(CHUNK // max(numbers, 1), -(-N // threads))), Ho
    lines = max(1, min(-(-Ho // threads) if threads > N else Ho, Ho * CHUNK // max(numbers, 1)))
    return 1, lines


@jit(inner=True)
def _task(t, x, x_zero, settings, places, packed, b, m, y):
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
    buffer = np.empty((last - n) * each + 2, np.int16)
    buffer[(last - n) * each] = 0
    count = (last - n) * (until - i) * Wo
    x_starts, y_starts = np.empty(pixels * count + ROWS, np.int64), np.empty(count + ROWS, np.int64)
    at = 0
    for image in range(last - n):
        widen(x, x_zero, n + image, top, bottom, above, left, buffer, image * each, Wp)
        for line in range(until - i):
            source = image * each + line * step_down * Wp * C
            target = ((n + image) * Ho + i + line) * Wo * F
            for j in range(Wo):
                for w in range(pixels):  # the pixels of a window lie one after the other
                    x_starts[pixels * (at + j) + w] = source + (w // 2 * down * Wp + w % 2 * across) * C
                source += step_across * C
                y_starts[at + j] = (target + j * F) * size
            at += Wo
    for r in range(ROWS):  # spare rows compute the last one again
        x_starts[pixels * count + r], y_starts[count + r] = x_starts[pixels * count - 1], y_starts[count - 1]
    columns, pairs = F // groups, (length + 1) // 2
    v = np.int64(0)
    for g in range(groups):
        source_of_group = (buffer, x_starts, g * (C // groups), places, pairs)
        for f in range(0, columns, WIDTH):
            target_of_block = (y, y_starts, g * columns + f, min(WIDTH, columns - f))
            _block(source_of_group, packed, v, (b, m, settings), target_of_block, count)
            v += places.size * pairs * 2 * WIDTH


@jit(inner=True)
def _block(source, packed, v, result, target, count):
    """Compute all pixels, or all windows, of one block of filters."""
    b, m, settings = result
    y, y_starts, f, valid = target
    size, pixels, levels = settings[14], settings[15], (settings[16], settings[17], settings[18])
    narrow, row = valid < WIDTH, WIDTH * size  # a narrow block is stored apart, and copied
    place, starts = (np.empty(ROWS * row, np.int8), np.arange(ROWS) * row) if narrow else (y, y_starts)
    # one or two rows are left: tiles of one row; windows: always
    whole = 0 if pixels == WINDOW else count if count % ROWS > 2 else count // ROWS * ROWS
    empty, four, single = simd_pairs.no_sums(ROWS), simd_pairs.no_sums(WINDOW), simd_pairs.no_sums(1)
    at, real = 0 if narrow else f * size, size == REAL
    for r in range(0, whole, ROWS):
        offsets = simd.row_offsets(empty, starts, 0 if narrow else r)
        simd_pairs.store(_sum(empty, source, r, packed, v), b, m, f, levels, real, place, offsets, at)
        if narrow:
            _copy(place, row, y, y_starts[r : min(r + ROWS, count)], f * size, valid * size)
    for r in range(whole, count):
        if pixels == WINDOW:  # the largest sum has the largest level
            sums = simd_pairs.largest(_sum(four, source, WINDOW * r, packed, v))
        else:
            sums = _sum(single, source, r, packed, v)
        one = simd.row_offsets(single, starts, 0 if narrow else r)
        simd_pairs.store(sums, b, m, f, levels, real, place, one, at)
        if narrow:
            _copy(place, row, y, y_starts[r : r + 1], f * size, valid * size)


@jit(inner=True)
def _copy(scratch, step, y, y_starts, at, size):
    """Copy the bytes of a block that is narrower than a tile."""
    for r in range(y_starts.size):
        target, source = y[y_starts[r] + at : y_starts[r] + at + size], scratch[r * step : r * step + size]
        for j in range(size):
            target[j] = source[j]


@jit(inner=True)
def _sum(tile, source, r, packed, v):
    """Return the sums of the pixels r, r+1, ..."""
    x, x_starts, first, places, pairs = source
    offsets = simd.row_offsets(tile, x_starts, r)
    for run in range(places.size):
        u = first + places[run]
        end = u + 2 * pairs
        while u != end:
            tile = simd_pairs.add_pairs(tile, x, offsets, u, packed, v)
            u += 2
            v += 2 * WIDTH
    return tile


@jit(inner=True, parallel=True)
def _run(tasks, x, x_zero, settings, places, packed, b, m, y):
    for t in numba.prange(tasks):
        _task(np.int64(t), x, x_zero, settings, places, packed, b, m, y)


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
    starts, scales = np.zeros(F + WIDTH, np.int32), np.zeros(F + WIDTH, np.float32)  # a last vector reads beyond F
    for f in range(F):
        starts[f], scales[f] = b[f], m[f]
    several = threads if N * Ho * Wo * pixels * F * P * Q * Cg >= LARGE else 1
    images, lines = divide(N, Ho, Hp * Wp * x.shape[3], several)
    tasks = -(-N // images) * -(-Ho // lines) if y.size else 0
    geometry = (stride[0], stride[1], before[0], before[1], groups, Wp, length, images, lines, height)
    settings = np.array(geometry + y_shape + kind + levels)
    zero = np.int16(x_zero)
    if several == 1:
        for t in range(tasks):
            _task(np.int64(t), x, zero, settings, places, packed, starts, scales, y)
    else:
        _run(tasks, x, zero, settings, places, packed, starts, scales, y)


def correlate(x, k, b, m, x_zero, levels, stride, before, dilation, groups, threads, y, pooled=False):
    """Compute y[n,i,j,f] = the level, or the number, of m[f] * (b[f] + sum over the window of (x - x_zero) * k).

    pooled: y's lines and columns are windows of 2x2 pixels, of which the largest is taken.
    """
    kind, places = (y.itemsize, WINDOW if pooled else 1), y.reshape(-1).view(np.int8)
    _correlate(x, k, b, m, x_zero, levels, kind, stride, before, dilation, groups, threads, y.shape, places)
