"""What both kernels on register tiles do between global memory and a tile: gather pixels, fetch rows, put sums."""

from functools import cache

import numpy as np
from numba import boolean, int32, int64, uint32

from kernels.cuda.copies import address, copies, wide
from kernels.cuda.tiles import thread, tile
from kernels.cuda.vectors import cuda, load4, store2, store4


def copier(whole: bool, asynchronous: bool):
    """Return the copy of four channels or of one."""
    how = copies(asynchronous)
    return how.copy4 if whole else how.copy1


@cache
def gatherer(whole: bool, asynchronous: bool, each: int, chunk: int, apart: int, pitch: int):
    """Return the device function that copies `each` pixels a thread, `apart` rows of the tile from each other.

    Looked up first are `chunk` of them; a row of the tile begins `pitch` elements after the last.
    """
    copy = copier(whole, asynchronous)

    @cuda.jit(device=True, forceinline=True)
    def gather(memory, to, x, place, mine, down, right, further, pixel_bytes, channel, g):
        at = cuda.local.array(chunk, int64)
        inside = cuda.local.array(chunk, boolean)
        for first in range(0, each, chunk):
            # reads of shared memory before the copies into it: else the compiler keeps them apart
            for i in range(chunk):
                pixel, h, w, _ = load4(place, mine + 4 * (first + i) * apart)
                inside[i] = (uint32(int32(h + down)) < uint32(g.h.size)) & (uint32(int32(w + right)) < uint32(g.w.size))
                at[i] = wide(int32(pixel + further), pixel_bytes, channel)
            for i in range(chunk):
                copy(memory, int32(to + (first + i) * apart * pitch), x, at[i], inside[i])

    return gather


@cache
def row_fetcher(dtype: np.dtype, width: int, whole: bool, asynchronous: bool, depth: int, pitch: int):
    """Return the device function that copies the tile of an array of rows of channels: `depth` rows from `base` on.

    A row of the tile begins `pitch` elements after the last.
    """
    _, _, _, threads, _, columns = tile(dtype, width)
    copy, lanes, item = copier(whole, asynchronous), 4 if whole else 1, np.dtype(dtype).itemsize
    across = columns // lanes  # copies a row

    @cuda.jit(device=True, forceinline=True)
    def fetch(memory, to, k, g, base, group, first, rows):
        """Load rows of channels; rows from `rows` on, and channels beyond the group's, become zeros."""
        me = thread()
        column = int32(me % across * lanes)
        outer = int32(first + column)
        row = int32(me // across)
        to = int32(to + row * pitch + column)
        row_bytes = int32(g.outer_all * item)
        at = wide(int32(base + row), row_bytes, address(k, int64(int32(outer + group * g.outer))))
        limit = rows if outer < g.outer else int32(0)
        for i in range(depth * across // threads):
            step = i * (threads // across)
            inside = int32(base + row + step) < limit
            copy(memory, int32(to + step * pitch), k, at + int64(int32(step * row_bytes)), inside)

    return fetch


@cache
def row_putter(t: int, columns: tuple[int, int], whole: bool):
    """Return the device function that writes row i of a thread's t x t sums to y[row, group, channel ...] of a part.

    columns: n of them lie side by side, the next n begin a number of columns further (`tiles.Core`).
    """
    n, step = columns
    fours = whole and n == 4

    @cuda.jit(device=True, forceinline=True)
    def put(y, g, sums, i, row, channel, group, part):
        start = int64(row) * int64(g.outer_all) + int64(int32(group * g.outer)) + part * g.part_size
        for j in range(t // n):
            c = int32(channel + j * step)
            k = n * j
            if fours:
                if c < g.outer:
                    store4(y, start + c, sums[i, k], sums[i, k + 1], sums[i, k + 2], sums[i, k + 3])
            elif whole:
                if c < g.outer:
                    store2(y, start + c, sums[i, k], sums[i, k + 1])
            else:
                for e in range(n):
                    if c + e < g.outer:
                        y[start + c + e] = sums[i, k + e]

    return put
