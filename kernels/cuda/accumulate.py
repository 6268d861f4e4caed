"""The parts of a correlation's kernel: where a tile's rows lie, how its numbers arrive, how its sums grow.

`correlate` makes the kernel of conv2d and dense of them, `kernels/convpool/cuda.py` one that pools what it has summed.
"""

from functools import cache

import numpy as np
from numba import int32, int64

from kernels.cuda.copies import address, copies
from kernels.cuda.cores import core
from kernels.cuda.fetch import gatherer, row_fetcher
from kernels.cuda.tiles import DEPTH, quotient, thread, tile
from kernels.cuda.vectors import cuda, store4

OUTSIDE = -(2**30)  # a row of x that no tap brings back into the image


@cache
def placer(dtype: np.dtype, width: int):
    """Return the device function that finds where a tile's rows lie: locate(place, g, first position)."""
    threads, rows = tile(dtype, width)[3:5]

    @cuda.jit(device=True, forceinline=True)
    def locate(place, g, first):
        """Find where the tile's positions lie in x (pixel, row, column of the tap (0, 0)), and the pixel of y."""
        for r in range(thread(), rows, threads):
            m = int32(first + r)
            line = quotient(m, g.by_width)
            n = quotient(line, g.by_height)
            h = int32((line - n * g.h.results) * g.h.stride + g.h.start)
            w = int32((m - line * g.w.results) * g.w.stride + g.w.start)
            pixel = int32((n * g.h.size + h) * g.w.size + w)
            up = int32((line - n * g.h.results) * g.h.spread + g.h.first)
            left = int32((m - line * g.w.results) * g.w.spread + g.w.first)
            result = int32((n * g.h.length + up) * g.w.length + left)
            real_one = m < g.positions
            store4(place, 4 * r, pixel, h if real_one else int32(OUTSIDE), w, result if real_one else int32(-1))

    return locate


@cache
def row_gatherer(dtype: np.dtype, width: int, whole: bool, asynchronous: bool, pitch: int):
    """Return the device function that copies DEPTH steps of the tile's rows of x into shared memory."""
    _, _, _, threads, rows, _ = tile(dtype, width)
    lanes = 4 if whole else 1  # elements a copy
    of_a = DEPTH // lanes  # copies a row
    each = rows * of_a // threads
    gather = gatherer(whole, asynchronous, each, min(each, 4), threads // of_a, pitch)
    item = np.dtype(dtype).itemsize

    @cuda.jit(device=True, forceinline=True)
    def fetch_a(memory, to, x, place, g, base, group):
        me = thread()
        k = int32(base + me % of_a * lanes)
        tap = quotient(k, g.by_inner)
        p = quotient(tap, g.by_taps)
        down, right = int32(p * g.h.tap), int32((tap - p * g.by_taps.d) * g.w.tap)
        channel = address(x, int64(int32(k - tap * g.inner + group * g.inner)))
        pixel_bytes = int32(g.inner_all * item)
        further = int32(down * g.w.size + right)
        down = down if k < g.steps else int32(OUTSIDE)
        row = int32(me // of_a)
        to = int32(to + row * pitch + me % of_a * lanes)
        mine = int64(4 * row)
        gather(memory, to, x, place, mine, down, right, further, pixel_bytes, channel, g)

    return fetch_a


def memory_sizes(dtype: np.dtype, width: int, how: str = "") -> tuple[int, int]:
    """Return the elements of shared memory that a tile's numbers take, and those of its places."""
    rows, made = tile(dtype, width).rows, core(dtype, width, True, DEPTH, how)
    return 2 * (rows * made.pitch_a + DEPTH * made.pitch_b), 4 * rows


@cache
def accumulator(dtype: np.dtype, width: int, whole: bool, asynchronous: bool, how: str = ""):
    """Return the device function that adds up a part of a tile's sums, once `place` says where its rows lie.

    how: what multiplies, as `cores.core` knows.
    """
    real, t, _, _, rows, _ = tile(dtype, width)
    pitch_a, pitch_b, starts, add, *_ = core(dtype, width, True, DEPTH, how)
    size_a = rows * pitch_a
    size = size_a + DEPTH * pitch_b
    commit, wait = copies(asynchronous)[2:]
    fetch_a = row_gatherer(dtype, width, whole, asynchronous, pitch_a)
    fetch_b = row_fetcher(dtype, width, whole, asynchronous, DEPTH, pitch_b)

    @cuda.jit(device=True, forceinline=True)
    def accumulate(memory, place, x, k, g, group, part, channel, sums):
        from_a, from_b = starts()
        for i in range(t):
            for j in range(t):
                sums[i, j] = real(0)
        base = int32(part * g.part * DEPTH)
        end = int32(min(base + g.part * DEPTH, g.steps))
        now = int32(0)
        cuda.syncthreads()
        if base < end:
            fetch_a(memory, now, x, place, g, base, group)
            fetch_b(memory, int32(now + size_a), k, g, base, group, channel, g.steps)
            commit()
        while base < end:
            wait()
            cuda.syncthreads()
            base = int32(base + DEPTH)
            if base < end:
                fetch_a(memory, int32(size - now), x, place, g, base, group)
                fetch_b(memory, int32(size - now + size_a), k, g, base, group, channel, g.steps)
                commit()
            add(memory, int32(now + from_a), int32(now + size_a + from_b), sums)
            now = int32(size - now)

    return accumulate


@cache
def bias_adder(t: int, columns: tuple[int, int]):
    """Return the device function that adds the bias of each column's filter to a thread's t x t sums."""
    n, step = columns

    @cuda.jit(device=True, forceinline=True)
    def add_bias(bias, g, group, channel, sums):
        for j in range(t):
            c = int32(channel + j // n * step + j % n)
            if c < g.outer:
                v = bias[group * g.outer + c]
                for i in range(t):
                    sums[i, j] += v

    return add_bias
