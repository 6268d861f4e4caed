"""Windows three taps wide that move by one: neighbouring pixels share two of their three columns of x.

    y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, ..., j + q + shift, c] * k[p,q,c,f]

A tile is one vector of f and as many pixels of a line as fit, so that each number of x is loaded once for three sums.
It pays where a tile has but one vector anyway: up to 16 filters a group, one channel, or channels that do not mix.
"""

import numba
import numpy as np

from kernels.conv2d.panels import pack, pack_transposed
from kernels.conv2d.taps import CLASS, SOURCE
from kernels.cpu import simd
from kernels.cpu.simd_window import OUTSIDE, TAPS, add_window, add_window_products
from kernels.cpu.tiled_sums import allocate, hold
from kernels.jit import jit

PIXELS = simd.MOST_ROWS  # of a tile
TASK_PIXELS = 1024  # what a thread takes at a time


def fits(width, source_width, taps, shift, stride, dilation):
    """Return whether lines of `width` pixels can be summed so.

    Pixel j's window begins at column j + shift of the source.
    """
    near = -OUTSIDE <= shift <= source_width - width
    return taps == TAPS and stride == 1 and dilation == 1 and width >= PIXELS and near


def pays(columns, steps, itemsize):
    """Return whether a tile of tiles_correlate.py would have only one vector too, or only one step per tap."""
    return columns * itemsize * 8 <= simd.BITS or steps == 1


@jit(inner=True, inline="always")  # one library less to optimise
def correlate_window(x, k, transposed, b, limits, y, vertical, horizontal, groups, threads):
    """Compute what tiles_correlate.correlate or tiles_depthwise.depthwise does, if `fits`."""
    N, Ho, Wo, F = y.shape
    lanes, mixed = simd.lanes(x), k.shape[2] != 1 or k.shape[3] != groups
    start = np.empty(F + lanes, x.dtype)  # a block's vector reads beyond F
    for f in range(start.size):
        start[f] = b[f] if f < b.size else 0
    parts = threads * max(1, N * Ho * Wo // (threads * TASK_PIXELS))
    lines_each = max(1, -(-N * Ho // parts))
    if y.size:
        _run(
            -(-N * Ho // lines_each),
            lines_each,
            x,
            k,
            transposed,
            start,
            limits,
            y,
            vertical,
            horizontal,
            groups,
            mixed,
        )


@jit(inner=True, parallel=True)
def _run(parts, lines_each, x, k, transposed, start, limits, y, vertical, horizontal, groups, mixed):
    line_size = y.shape[2] * y.shape[3]
    for t in numba.prange(parts):
        line, last_line = t * lines_each, min((t + 1) * lines_each, y.shape[0] * y.shape[1])
        _task(line, last_line, x, k, transposed, start, y, vertical, horizontal, groups, mixed)
        if limits.size:
            hold(y.reshape(-1)[line * line_size : last_line * line_size], limits)


@jit(inner=True)
def _task(line, last_line, x, k, transposed, start, y, vertical, horizontal, groups, mixed):
    """Compute the lines (n,i) line..last_line of y, one block of columns after the other."""
    P, Q, F = k.shape[0], k.shape[1], y.shape[3]
    lanes, columns_each, steps = simd.lanes(x), F // groups, x.shape[3] // groups
    zero, one = np.int64(0), np.int64(1)  # plain 0 and 1 would be types of their own
    if not mixed:
        for f in range(0, F, lanes):
            panel, rest = (k.reshape(-1), f, zero, F, F * Q), min(lanes, F - f)
            if rest == lanes:
                _block(line, last_line, x, one, panel, start, y, f, rest, None, f, vertical, horizontal, mixed)
            else:
                _block(line, last_line, x, one, panel, start, y, f, rest, rest, f, vertical, horizontal, mixed)
        return
    panel = allocate((P * Q * steps + lanes) * lanes, x)
    blocks = -(-columns_each // lanes)
    for index in range(groups * blocks):
        g = index // blocks
        f = g * columns_each + (index - g * blocks) * lanes
        valid = min(lanes, (g + 1) * columns_each - f)
        if transposed:
            pack_transposed(k, 0, P * Q, g * steps, steps, f - g * columns_each, valid, 1, panel)
        else:
            pack(k, 0, P * Q, 0, steps, f, valid, 1, panel)
        place = (panel, zero, lanes, steps * lanes, Q * steps * lanes)
        _block(line, last_line, x, steps, place, start, y, f, valid, None, g * steps, vertical, horizontal, mixed)


@jit(inner=True)
def _block(line, last_line, x, steps, panel, start, y, f, valid, count, channel, vertical, horizontal, mixed):
    """Compute the columns f ... f + valid of the lines, summed over `steps` channels from `channel` on.

    mixed: whether channels are summed at all; if not, each has a kernel of its own, and `count` is how many lanes
    of x and k there are, None if all.

    panel: (k, where tap (0,0) begins, from channel to channel, from tap to tap across, from tap to tap down)
    """
    factors, corner, k_step, across, down = panel
    N, Ho, Wo, F = y.shape
    _, H, W, C = x.shape
    empty, x_flat, y_flat = simd.low_tile(x, 1, PIXELS), x.reshape(-1), y.reshape(-1)
    width = simd.height(empty)
    y_places = np.empty(width, np.int64)
    for r in range(width):
        y_places[r] = r * F
    y_offsets = simd.row_offsets(empty, y_places, 0)
    # in the middle of a line no tap is outside: what it reads first tells the shift of all windows
    middle = Wo // 2
    shift = horizontal.table[middle, SOURCE] - middle
    if horizontal.move < 0:  # backward_data's taps go through dy from right to left: take them the other way
        shift, corner, across = shift - OUTSIDE, corner + OUTSIDE * across, -across
    for t in range(line, last_line):
        n = t // Ho
        i = t - n * Ho
        p, ps = vertical.classes[vertical.table[i, CLASS]]
        source = (n * H + vertical.table[i, SOURCE]) * W
        for begin in range(0, Wo, width):
            j = min(begin, Wo - width)  # the last tile of a line overlaps the one before
            tile = simd.fill(empty, start, f)
            for u in range(ps):
                at = (source + u * vertical.move * W + j + shift) * C + channel
                v = corner + (p + u * vertical.step) * down
                if mixed:
                    for c in range(steps):
                        # lesson: conv2d.window
                        tile = add_window(
                            tile, x_flat, at + c, C, -j - shift, W - j - shift, factors, v + c * k_step, across
                        )
                else:
                    # lesson: conv2d.window_depthwise
                    tile = add_window_products(
                        tile, x_flat, at, C, -j - shift, W - j - shift, factors, v, across, count
                    )
            simd.store(tile, y_flat, y_offsets, (t * Wo + j) * F + f, valid)
