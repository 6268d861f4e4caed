"""A correlation as a product of matrices that is never written down: rows are positions, steps are taps and channels.

    y[m, f] = sum over k = (p, q, c) of x[pixel of position m and tap (p, q), c] * k[p, q, c, f]

The forward pass of conv2d and dense, and their backward_data: there the sum runs over filters, so the array k is read
the other way round. A block looks up once where its positions lie in x; each step then adds the tap's distance.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import int32, int64

from kernels.cuda.copies import address, are_asynchronous, copies
from kernels.cuda.fetch import gatherer, row_fetcher, row_putter
from kernels.cuda.tiles import (
    DEPTH,
    SIDE,
    Axis,
    Division,
    division,
    multiplier,
    options,
    quotient,
    sum_place,
    thread,
    tile,
)
from kernels.cuda.vectors import cuda, store4
from kernels.device import launch

OUTSIDE = -(2**30)  # a row of x that no tap brings back into the image


class Correlation(NamedTuple):
    """Sizes, in int32. A group's sum has `steps` = taps * inner terms; it makes `outer` channels.

    inner_all, outer_all: channels of all groups in x and y. parts: into how
    many parts the sums are cut, each of `part` tiles of DEPTH steps; part_size: elements of y.
    """

    h: Axis
    w: Axis
    positions: np.int32
    steps: np.int32
    inner: np.int32
    inner_all: np.int32
    outer: np.int32
    outer_all: np.int32
    parts: np.int32
    part: np.int32
    part_size: np.int64
    biased: np.int32
    by_height: Division
    by_width: Division
    by_inner: Division
    by_taps: Division
    by_parts: Division


@cache
def kernel(dtype: np.dtype, width: int, whole: bool, asynchronous: bool):
    """Return the kernel for a tile; whole: channels come in fours; asynchronous: as `copies` knows.

    Launch: (tiles of positions, tiles of outer channels, groups * parts) blocks of the tile's threads.
    """
    real, t, _, threads, rows, columns = tile(dtype, width)
    pitch_a, pitch_b = DEPTH + 4, columns
    add = multiplier(dtype, width, True, pitch_a, pitch_b, DEPTH)
    size_a = rows * pitch_a
    size = size_a + DEPTH * pitch_b
    both, places = 2 * size, 4 * rows
    lanes = 4 if whole else 1  # elements a copy
    commit, wait = copies(asynchronous)[2:]
    item = np.dtype(dtype).itemsize
    of_a = DEPTH // lanes  # copies a row
    each = rows * of_a // threads
    gather = gatherer(whole, asynchronous, each, min(each, 4), threads // of_a, pitch_a)
    fetch_b = row_fetcher(dtype, width, whole, asynchronous, DEPTH)
    put_row = row_putter(dtype, width, whole)

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
        to = int32(to + row * pitch_a + me % of_a * lanes)
        mine = int64(4 * row)
        gather(memory, to, x, place, mine, down, right, further, pixel_bytes, channel, g)

    @cuda.jit(device=True, forceinline=True)
    def put(y, place, g, sums, row, channel, group, part):
        """Write a thread's sums to the positions in y that they belong to."""
        for i in range(t):
            pixel = place[4 * (row + i * SIDE) + 3]
            if pixel >= 0:
                put_row(y, g, sums, i, pixel, channel, group, part)

    @cuda.jit(**options(threads))
    def correlate(x, k, bias, g, y):
        memory = cuda.shared.array(both, real, alignment=16)
        place = cuda.shared.array(places, int32, alignment=16)
        sums = cuda.local.array((t, t), real)
        row, column = sum_place(width)
        position, channel = int32(cuda.blockIdx.x * rows), int32(cuda.blockIdx.y * columns)
        group = quotient(int32(cuda.blockIdx.z), g.by_parts)
        part = int32(cuda.blockIdx.z - group * g.parts)
        for i in range(t):
            for j in range(t):
                sums[i, j] = real(0)
        locate(place, g, position)
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
            add(memory, int32(now + row * pitch_a), int32(now + size_a + column), sums)
            now = int32(size - now)
        if g.biased:
            for j in range(t):
                c = int32(channel + column + j // 4 * 4 * width + j % 4)
                if c < g.outer:
                    v = bias[group * g.outer + c]
                    for i in range(t):
                        sums[i, j] += v
        put(y, place, g, sums, row, int32(channel + column), group, part)

    return correlate


def sizes(h: Axis, w: Axis, images: int, taps: tuple[int, int], channels: tuple, groups: int, count: int, part: int):
    """Return the Correlation of these sizes. channels: of one group, in x and in y.

    Count: parts, of `part` tiles each.
    """
    inner, outer = channels
    positions = images * int(h.results) * int(w.results)
    pixels = max(positions, images * int(h.size) * int(w.size), images * int(h.length) * int(w.length))
    if pixels >= 2**31 or max(inner, outer) * groups >= 2**29:
        raise ValueError(f"cuda kernels address at most {2**31 - 1:,} pixels of {2**29 - 1:,} channels, got {pixels:,}")
    numbers = {
        "positions": positions, "steps": taps[0] * taps[1] * inner, "inner": inner, "inner_all": inner * groups,
        "outer": outer, "outer_all": outer * groups, "parts": count, "part": part, "biased": 0,
    }  # fmt: skip
    divisors = {"height": int(h.results), "width": int(w.results), "inner": inner, "taps": taps[1], "parts": count}
    fields: dict[str, Any] = {name: np.int32(n) for name, n in numbers.items()}
    fields |= {f"by_{name}": division(max(n, 1)) for name, n in divisors.items()}
    return Correlation(
        h=h,
        w=w,
        part_size=np.int64(images * int(h.length) * int(w.length) * outer * groups),
        **fields,
    )


def across(dtype: np.dtype, outer: int) -> int:
    """Return the width of the tile, in threads: half where y has few channels."""
    return 8 if outer <= tile(dtype, 8).columns else 16


def blocks(g: Correlation, dtype: np.dtype, groups: int) -> tuple[int, int, int]:
    """Return the blocks of a launch of `kernel`."""
    shape = tile(dtype, across(dtype, int(g.outer)))
    return -(-int(g.positions) // shape.rows), -(-int(g.outer) // shape.columns), groups * int(g.parts)


def correlate(x, k, b, g: Correlation, groups: int, y) -> None:
    """Launch the correlation g; y has g.parts parts. k: a matrix of g.steps rows and groups * g.outer columns."""
    width = across(x.dtype, int(g.outer))
    whole = int(g.inner) % 4 == 0 and int(g.outer) % 4 == 0
    g = g._replace(biased=np.int32(b is not None))
    bias = (k if b is None else b).reshape(-1)
    grid, block = blocks(g, x.dtype, groups), tile(x.dtype, width).threads
    launch(
        kernel(x.dtype, width, whole, are_asynchronous(x.target)),
        grid,
        block,
        x.reshape(-1),
        k.reshape(-1),
        bias,
        g,
        y.reshape(-1),
    )
