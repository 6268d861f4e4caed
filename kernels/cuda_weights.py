"""The gradient of a correlation's weights as a product of matrices: rows are taps and channels, steps are positions.

    dk[(p, q, c), f] = sum over positions m of x[pixel of position m and tap (p, q), c] * dy[m, f]

backward_weights of conv2d and dense. Few rows and columns and a long sum: it is cut into parts, added up in order by
`cuda_sums`. Each thread's tap and channel stay the same; where the next positions lie is looked up one tile ahead.
"""

from functools import cache
from math import prod

import numpy as np
from numba import boolean, int32, int64, uint32

from kernels.cuda_copies import address, are_asynchronous, copies, wide
from kernels.cuda_correlate import OUTSIDE, across, sizes
from kernels.cuda_parts import add_parts
from kernels.cuda_sums import sum_columns
from kernels.cuda_tiles import DEPTH, SIDE, Axis, multiplier, options, parts, quotient, sum_place, thread, tile
from kernels.cuda_vectors import cuda, load4, store4
from kernels.device import launch, scratch


def depth(dtype: np.dtype, width: int) -> int:
    """Steps a tile: as many as leave room for two tiles in 48 KiB of shared memory, where all threads fetch alike."""
    return 24 if np.dtype(dtype).itemsize == 4 and width == 8 else DEPTH


@cache
def kernel(dtype: np.dtype, width: int, whole: bool, asynchronous: bool):
    """The kernel for a tile; whole: channels come in fours, on both sides.

    Launch: (tiles of taps and channels, tiles of filters, groups * parts) blocks of the tile's threads.
    """
    real, t, _, threads, rows, columns = tile(dtype, width)
    deep = depth(dtype, width)
    add = multiplier(dtype, width, False, rows, columns, deep)
    size_a = rows * deep
    size = size_a + columns * deep
    both, places = 2 * size, 2 * 4 * deep
    copy1, copy4, commit, wait = copies(asynchronous)
    lanes, copy = (4, copy4) if whole else (1, copy1)
    of_a, of_b = rows // lanes, columns // lanes  # copies a step
    each = deep * of_a // threads
    chunk = max(n for n in (1, 2, 3, 4) if each % n == 0)
    item = np.dtype(dtype).itemsize

    @cuda.jit(device=True, forceinline=True)
    def locate(place, to, g, first):
        """Where the tile's positions lie in x: pixel, row and column of the tap (0, 0)."""
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
        """x at the tile's positions, for this thread's tap and channel."""
        me = thread()
        step = int32(me // of_a)
        to = int32(to + me // of_a * rows + me % of_a * lanes)
        mine = int64(begin + 4 * step)
        pixel_bytes = int32(g.inner_all * item)
        at = cuda.local.array(chunk, int64)
        inside = cuda.local.array(chunk, boolean)
        for first in range(0, each, chunk):
            for i in range(
                chunk
            ):  # reads of shared memory before the copies into it: else the compiler keeps them apart
                pixel, h, w, _ = load4(place, mine + 4 * (first + i) * (threads // of_a))
                inside[i] = (uint32(int32(h + down)) < uint32(g.h.size)) & (uint32(int32(w + right)) < uint32(g.w.size))
                at[i] = wide(int32(pixel + further), pixel_bytes, start)
            for i in range(chunk):
                copy(memory, int32(to + (first + i) * (threads // of_a) * rows), x, at[i], inside[i])

    @cuda.jit(device=True, forceinline=True)
    def fetch_b(memory, to, dy, g, base, group, first):
        """dy at the tile's positions."""
        me = thread()
        column = int32(me % of_b * lanes)
        outer = int32(first + column)
        row = int32(me // of_b)
        to = int32(to + size_a + row * columns + column)
        row_bytes = int32(g.outer_all * item)
        at = wide(int32(base + row), row_bytes, address(dy, int64(int32(outer + group * g.outer))))
        limit = g.positions if outer < g.outer else int32(0)
        for i in range(deep * of_b // threads):
            step = i * (threads // of_b)
            inside = int32(base + row + step) < limit
            copy(memory, int32(to + step * columns), dy, at + int64(int32(step * row_bytes)), inside)

    @cuda.jit(device=True, forceinline=True)
    def put(dk, g, sums, first, channel, group, part):
        for i in range(t):
            row = int32(first + i // 4 * 4 * SIDE + i % 4)
            if row < g.steps:
                start = int64(row) * int64(g.outer_all) + int64(int32(group * g.outer)) + part * g.part_size
                for j in range(t // 4):
                    c = int32(channel + j * 4 * width)
                    if whole:
                        if c < g.outer:
                            k = 4 * j
                            store4(dk, start + c, sums[i, k], sums[i, k + 1], sums[i, k + 2], sums[i, k + 3])
                    else:
                        for e in range(4):
                            if c + e < g.outer:
                                dk[start + c + e] = sums[i, 4 * j + e]

    @cuda.jit(**options(threads))
    def weights(x, dy, g, dk):
        memory = cuda.shared.array(both, real, alignment=16)
        place = cuda.shared.array(places, int32, alignment=16)
        sums = cuda.local.array((t, t), real)
        row, column = sum_place(width)
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
            fetch_b(memory, now, dy, g, base, group, channel)
            commit()
            locate(place, int32(4 * deep), g, int32(base + deep))
        while base < end:
            wait()
            cuda.syncthreads()
            base = int32(base + deep)
            here = int32(4 * deep - here)
            if base < end:
                fetch_a(memory, int32(size - now), x, place, here, further, down, right, start, g)
                fetch_b(memory, int32(size - now), dy, g, base, group, channel)
                commit()
                locate(place, int32(4 * deep - here), g, int32(base + deep))
            add(memory, int32(now + 4 * row), int32(now + size_a + column), sums)
            now = int32(size - now)
        put(dk, g, sums, int32(first + 4 * row), int32(channel + column), group, part)

    return weights


def weights(x, dy, h: Axis, w: Axis, taps: tuple[int, int], groups: int, dk, db) -> None:
    """dk (P, Q, Cg, F) and db (F,) of the correlation that has these axes."""
    images, channels = x.shape[0], (x.shape[-1] // groups, dy.shape[-1] // groups)
    width = across(x.dtype, channels[1])
    shape = tile(x.dtype, width)
    tiles = -(-prod(taps) * channels[0] // shape.rows), -(-channels[1] // shape.columns)
    positions = images * int(h.results) * int(w.results)
    count = parts(prod(tiles) * groups, positions)
    part = -(-positions // (depth(x.dtype, width) * count))
    g = sizes(h, w, images, taps, channels, groups, count, part)._replace(part_size=np.int64(dk.size))
    memory = scratch(x, (count * dk.size,))
    to = dk if count == 1 else memory
    whole = channels[0] % 4 == 0 and channels[1] % 4 == 0
    grid = *tiles, groups * count
    launch(
        kernel(x.dtype, width, whole, are_asynchronous(x.target)),
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
