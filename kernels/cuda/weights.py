"""The gradient of a correlation's weights as a product of matrices: rows are taps and channels, steps are positions.

    dk[(p, q, c), f] = sum over positions m of x[pixel of position m and tap (p, q), c] * dy[m, f]

backward_weights of conv2d and dense. Few rows and columns and a long sum: it is cut into parts, added up in order by
`parts`. Each thread's tap and channel stay the same; where the next positions lie is looked up one tile ahead.
"""

from functools import cache
from math import prod

import numpy as np
from numba import int32, int64

from kernels.cuda.accumulate import OUTSIDE
from kernels.cuda.copies import address, are_asynchronous, copies
from kernels.cuda.cores import core
from kernels.cuda.correlate import across, sizes
from kernels.cuda.fetch import gatherer, row_fetcher, row_putter
from kernels.cuda.parts import add_parts
from kernels.cuda.sums import sum_columns
from kernels.cuda.tiles import DEPTH, Axis, options, parts, quotient, thread, tile
from kernels.cuda.vectors import cuda, store4
from kernels.device import launch, scratch


def depth(dtype: np.dtype, width: int, how: str = "") -> int:
    """Return the steps of a tile: as many as leave room for two tiles in 48 KiB of shared memory; tensor cores' 16."""
    return 24 if np.dtype(dtype).itemsize == 4 and width == 8 and not how else DEPTH


@cache
def kernel(dtype: np.dtype, width: int, whole: bool, asynchronous: bool, how: str = ""):
    """Return the kernel for a tile; whole: channels come in fours, on both sides; how: as `cores` knows.

    Launch: (tiles of taps and channels, tiles of filters, groups * parts) blocks of the tile's threads.
    """
    real, t, _, threads, rows, columns = tile(dtype, width)
    deep = depth(dtype, width, how)
    pitch_a, pitch_b, starts, add, sum_place, (n, down_rows), across_columns = core(dtype, width, False, deep, how)
    size_a = pitch_a * deep
    size = size_a + pitch_b * deep
    both, places = 2 * size, 2 * 4 * deep
    commit, wait = copies(asynchronous)[2:]
    lanes = 4 if whole else 1  # elements a copy
    of_a = rows // lanes  # copies a step
    each = deep * of_a // threads
    chunk = max(c for c in (1, 2, 3, 4) if each % c == 0)
    gather = gatherer(whole, asynchronous, each, chunk, threads // of_a, pitch_a)
    fetch_b = row_fetcher(dtype, width, whole, asynchronous, deep, pitch_b)
    put_row = row_putter(t, across_columns, whole)
    item = np.dtype(dtype).itemsize

    @cuda.jit(device=True, forceinline=True)
    def locate(place, to, g, first):
        """Find where the tile's positions lie in x: pixel, row and column of the tap (0, 0)."""
        r = thread()
        if r < deep:
            m = int32(first + r)
            line = quotient(m, g.by_width)
            n = quotient(line, g.by_height)
            h = int32((line - n * g.h.results) * g.h.stride + g.h.start)
            w = int32((m - line * g.w.results) * g.w.stride + g.w.start)
            pixel = int32((n * g.h.size + h) * g.w.size + w)
            store4(place, to + 4 * r, pixel, h if m < g.positions else int32(OUTSIDE), w, int32(0))

    @cuda.jit(device=True, forceinline=True)
    def fetch_a(memory, to, x, place, begin, further, down, right, start, g):
        """Load x at the tile's positions, for this thread's tap and channel."""
        me = thread()
        step = int32(me // of_a)
        to = int32(to + me // of_a * pitch_a + me % of_a * lanes)
        mine = int64(begin + 4 * step)
        pixel_bytes = int32(g.inner_all * item)
        gather(memory, to, x, place, mine, down, right, further, pixel_bytes, start, g)

    @cuda.jit(device=True, forceinline=True)
    def put(dk, g, sums, first, channel, group, part):
        for i in range(t):
            row = int32(first + i // n * down_rows + i % n)
            if row < g.steps:
                put_row(dk, g, sums, i, row, channel, group, part)

    @cuda.jit(**options(threads))
    def weights(x, dy, g, dk):
        memory = cuda.shared.array(both, real, alignment=16)
        place = cuda.shared.array(places, int32, alignment=16)
        sums = cuda.local.array((t, t), real)
        row, column = sum_place()
        from_a, from_b = starts()
        first, channel = int32(cuda.blockIdx.x * rows), int32(cuda.blockIdx.y * columns)
        group = quotient(int32(cuda.blockIdx.z), g.by_parts)
        part = int32(cuda.blockIdx.z - group * g.parts)
        for i in range(t):
            for j in range(t):
                sums[i, j] = real(0)
        k = int32(first + thread() % of_a * lanes)
        tap = quotient(k, g.by_inner)
        p = quotient(tap, g.by_taps)
        down, right = int32(p * g.h.tap), int32((tap - p * g.by_taps.d) * g.w.tap)
        start = address(x, int64(int32(k - tap * g.inner + group * g.inner)))
        further = int32(down * g.w.size + right)
        down = down if k < g.steps else int32(OUTSIDE)
        base = int32(part * g.part * deep)
        end = int32(min(base + g.part * deep, g.positions))
        now, here = int32(0), int32(0)
        locate(place, here, g, base)
        cuda.syncthreads()
        if base < end:
            fetch_a(memory, now, x, place, here, further, down, right, start, g)
            fetch_b(memory, int32(now + size_a), dy, g, base, group, channel, g.positions)
            commit()
            locate(place, int32(4 * deep), g, int32(base + deep))
        while base < end:
            wait()
            cuda.syncthreads()
            base = int32(base + deep)
            here = int32(4 * deep - here)
            if base < end:
                fetch_a(memory, int32(size - now), x, place, here, further, down, right, start, g)
                fetch_b(memory, int32(size - now + size_a), dy, g, base, group, channel, g.positions)
                commit()
                locate(place, int32(4 * deep - here), g, int32(base + deep))
            add(memory, int32(now + from_a), int32(now + size_a + from_b), sums)
            now = int32(size - now)
        put(dk, g, sums, int32(first + row), int32(channel + column), group, part)

    return weights


def weights(x, dy, h: Axis, w: Axis, taps: tuple[int, int], groups: int, dk, db, how: str = "") -> None:
    """Compute dk (P, Q, Cg, F) and db (F,) of the correlation that has these axes."""
    images, channels = x.shape[0], (x.shape[-1] // groups, dy.shape[-1] // groups)
    width = across(x.dtype, channels[1])
    shape = tile(x.dtype, width)
    tiles = -(-prod(taps) * channels[0] // shape.rows), -(-channels[1] // shape.columns)
    positions = images * int(h.results) * int(w.results)
    count = parts(prod(tiles) * groups, positions)
    part = -(-positions // (depth(x.dtype, width, how) * count))
    g = sizes(h, w, images, taps, channels, groups, count, part)._replace(part_size=np.int64(dk.size))
    memory = scratch(x, (count * dk.size,))
    to = dk if count == 1 else memory
    whole = channels[0] % 4 == 0 and channels[1] % 4 == 0
    grid = *tiles, groups * count
    launch(
        kernel(x.dtype, width, whole, are_asynchronous(x.target), how),
        grid,
        shape.threads,
        x.reshape(-1),
        dy.reshape(-1),
        g,
        to.reshape(-1),
    )
    if count > 1:
        add_parts(to, count, dk)
    sum_columns(dy.reshape(-1, dy.shape[-1]), db)
