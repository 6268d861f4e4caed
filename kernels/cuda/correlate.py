"""A correlation as a product of matrices that is never written down: rows are positions, steps are taps and channels.

    y[m, f] = sum over k = (p, q, c) of x[pixel of position m and tap (p, q), c] * k[p, q, c, f]

The forward pass of conv2d and dense, and their backward_data: there the sum runs over filters, so the array k is read
the other way round. A block looks up once where its positions lie in x; each step then adds the tap's distance.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import int32

from kernels.cuda.accumulate import accumulator, bias_adder, memory_sizes, placer
from kernels.cuda.copies import are_asynchronous
from kernels.cuda.cores import core
from kernels.cuda.fetch import row_putter
from kernels.cuda.tiles import DEPTH, Axis, Division, division, options, quotient, tile
from kernels.cuda.vectors import cuda
from kernels.device import launch


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
def kernel(dtype: np.dtype, width: int, whole: bool, asynchronous: bool, how: str = ""):
    """Return the kernel for a tile; whole: channels come in fours; asynchronous, how: as `copies` and `cores` know.

    Launch: (tiles of positions, tiles of outer channels, groups * parts) blocks of the tile's threads.
    """
    real, t, _, threads, rows, columns = tile(dtype, width)
    both, places = memory_sizes(dtype, width, how)
    locate, accumulate = placer(dtype, width), accumulator(dtype, width, whole, asynchronous, how)
    made = core(dtype, width, True, DEPTH, how)
    sum_place, (_, down) = made.place, made.rows
    add_bias, put_row = bias_adder(t, made.columns), row_putter(t, made.columns, whole)

    @cuda.jit(device=True, forceinline=True)
    def put(y, place, g, sums, row, channel, group, part):
        """Write a thread's sums to the positions in y that they belong to."""
        for i in range(t):
            pixel = place[4 * (row + i * down) + 3]
            if pixel >= 0:
                put_row(y, g, sums, i, pixel, channel, group, part)

    @cuda.jit(**options(threads))
    def correlate(x, k, bias, g, y):
        memory = cuda.shared.array(both, real, alignment=16)
        place = cuda.shared.array(places, int32, alignment=16)
        sums = cuda.local.array((t, t), real)
        row, column = sum_place()
        position, channel = int32(cuda.blockIdx.x * rows), int32(cuda.blockIdx.y * columns)
        group = quotient(int32(cuda.blockIdx.z), g.by_parts)
        part = int32(cuda.blockIdx.z - group * g.parts)
        locate(place, g, position)
        accumulate(memory, place, x, k, g, group, part, channel, sums)
        if g.biased:
            add_bias(bias, g, group, int32(channel + column), sums)
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


def correlate(x, k, b, g: Correlation, groups: int, y, how: str = "") -> None:
    """Launch the correlation g; y has g.parts parts. k: a matrix of g.steps rows and groups * g.outer columns."""
    width = across(x.dtype, int(g.outer))
    whole = int(g.inner) % 4 == 0 and int(g.outer) % 4 == 0
    g = g._replace(biased=np.int32(b is not None))
    bias = (k if b is None else b).reshape(-1)
    grid, block = blocks(g, x.dtype, groups), tile(x.dtype, width).threads
    launch(
        kernel(x.dtype, width, whole, are_asynchronous(x.target), how),
        grid,
        block,
        x.reshape(-1),
        k.reshape(-1),
        bias,
        g,
        y.reshape(-1),
    )
