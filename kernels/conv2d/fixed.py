"""forward for weights that no longer change: k is laid out for the tiles once, and what follows is done at the store.

    y = clamp(b + sum_{p,q,c} x[...] * k[p,q,c,f] + a, low, high)        a: an array like y, or nothing

`cpu` packs k anew at every call, or reads it in place, where a tile's rows of k lie 4 F bytes apart: with many channels
and few pixels that is most of the time. Here a block of columns is one piece of memory, read from its beginning to its
end. The image is copied with a border of zeros, so that all its pixels sum over the same taps and fill whole tiles; so
k must be finite (zero times infinity would be a NaN), and for many pixels with a border `cpu` is quicker (`pays`).
Sums are taken in the order of `cpu`'s: the numbers are the same.
"""

from __future__ import annotations

from math import gcd
from typing import Any, NamedTuple

import numba
import numpy as np

from kernels.conv2d import OP, geometry
from kernels.cpu import simd
from kernels.cpu.tiled_sums import SPARE, TILES, allocate, block, block_count, copy_rows
from kernels.jit import jit
from kernels.scheduler import number_of_threads

PANEL_BYTES = 1 << 18  # of one block of columns: it stays in the second-level cache while all rows pass over it
PANELS_BYTES = 1 << 18  # of all blocks
MOST_ROWS = 512  # of y that pass over one block after another
FEW_PIXELS = 128  # with more, copying x and summing over its border costs more than packing k anew
ALONE = 1 << 20  # multiply-adds below which one thread computes
COPY_ALONE = 1 << 16  # numbers of x below which one thread copies them
_NOTHING = {np.dtype(t): np.zeros(0, t) for t in (np.float32, np.float64)}


class Layout(NamedTuple):
    """Where everything lies for images of one shape.

    x_starts, y_starts: where the rows of x and y begin; runs: (where x begins, first step, steps) of every row of taps;
    bordered: room for x with its border, empty if it needs none; corner: where x begins in it.
    """

    x_starts: np.ndarray
    y_starts: np.ndarray
    runs: np.ndarray
    bordered: np.ndarray
    corner: tuple[int, int]


def can_fix(k: np.ndarray, groups: int) -> bool:
    """Return whether weights can be fixed: one group, more filters than a vector holds, and every number finite.

    For fewer filters `cpu` has tiles of its own, which add in another order.
    """
    return groups == 1 and k.shape[3] * k.itemsize * 8 > simd.BITS and bool(np.isfinite(k).all())


def pays(y_shape: tuple[int, ...], padding: Any) -> bool:
    """Return whether that is quicker than `cpu`: no border needs a copy of x, or there are few pixels."""
    return not np.any(padding) or y_shape[0] * y_shape[1] * y_shape[2] <= FEW_PIXELS


def pack(k: np.ndarray, b: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return k (P,Q,C,F) by blocks of columns, and b for whole blocks; ValueError for what `can_fix` does not allow."""
    if not can_fix(k, 1):
        raise ValueError(
            f"{OP}: only finite weights of one group with more filters than a vector holds can be fixed, got "
            f"k.shape={k.shape}"
        )
    start = np.zeros(k.shape[3] + simd.WIDEST * simd.BITS // 8, k.dtype)  # a block's last vector reads beyond F
    if b is not None:
        start[: b.size] = b
    return _pack(np.ascontiguousarray(k).reshape(-1), k.size // k.shape[3], k.shape[3]), start


def lay_out(
    x_shape: tuple[int, ...], k_shape: tuple[int, ...], dtype: Any, *, stride: Any, padding: Any, dilation: Any
) -> Layout:
    """Return the layout for images (N,H,W,C) and a kernel (P,Q,C,F)."""
    settings, (_, Ho, Wo, F) = geometry(x_shape, k_shape, stride, padding, dilation, 1)
    (top, bottom), (left, right) = settings["padding"]
    (N, H, W, C), (P, Q, _, _) = x_shape, k_shape
    tall, broad = H + top + bottom, W + left + right
    bordered = np.zeros((N, tall, broad, C) if (tall, broad) != (H, W) else (0, tall, broad, C), dtype)
    (down, across), (p_step, q_step) = settings["stride"], settings["dilation"]
    n, i, j = np.ogrid[:N, :Ho, :Wo]
    x_starts = _with_spare((((n * tall + down * i) * broad + across * j) * C).reshape(-1))
    if q_step == 1:  # a row of neighbouring taps reads on where the last one ended
        runs = [(p * p_step * broad * C, p * Q * C, Q * C) for p in range(P)]
    else:
        taps = [(p, q) for p in range(P) for q in range(Q)]
        runs = [((p * p_step * broad + q * q_step) * C, (p * Q + q) * C, C) for p, q in taps]
    return Layout(x_starts, _with_spare(np.arange(N * Ho * Wo) * F), np.array(runs, np.int64), bordered, (top, left))


def _with_spare(starts: np.ndarray) -> np.ndarray:
    """Repeat the last row: a tile's spare rows compute it again and store the same numbers."""
    return np.concatenate([starts, np.repeat(starts[-1:], SPARE)]).astype(np.int64)


def forward(
    x: np.ndarray, panels: np.ndarray, start: np.ndarray, layout: Layout, a: np.ndarray | None, low: float, high: float,
    *, out: np.ndarray,
) -> None:  # fmt: skip
    """Compute the formula into out, for x of the layout's shape; low and high may be infinite."""
    threads, number, source = number_of_threads(), x.dtype.type, x
    if layout.bordered.size:
        _copy(x, layout.bordered, *layout.corner, threads if x.size >= COPY_ALONE else 1)
        source = layout.bordered
    finish = (_NOTHING[x.dtype] if a is None else a.reshape(-1), number(low), number(high))
    sums = (source.reshape(-1), panels, start, out.reshape(-1), layout.x_starts, layout.y_starts, layout.runs)
    _sum(sums, finish, out.shape[3], threads)


@jit()
def _pack(k, steps, columns):
    """Return k by blocks of columns, each with its steps one after the other, from a cache line on."""
    lanes = simd.lanes(k)
    vectors = -(-columns // lanes)
    panels = allocate(steps * vectors * lanes, k)
    for index in range(block_count(vectors)):
        vector, vecs = block(vectors, index)
        f = vector * lanes
        copy_rows(vecs, k, f, columns, steps, min(vecs * lanes, columns - f), panels, f * steps)
    return panels


@jit()
def _copy(x, bordered, top, left, threads):
    if threads > 1:
        _copy_parallel(x, bordered, top, left)
    else:
        for line in range(x.shape[0] * x.shape[1]):
            _copy_line(line, x, bordered, top, left)


@jit(inner=True, parallel=True)
def _copy_parallel(x, bordered, top, left):
    for line in numba.prange(x.shape[0] * x.shape[1]):
        _copy_line(np.int64(line), x, bordered, top, left)


@jit(inner=True)
def _copy_line(line, x, bordered, top, left):
    N, H, W, C = x.shape
    n = line // H
    first = ((n * bordered.shape[1] + line - n * H + top) * bordered.shape[2] + left) * C
    source, target = x.reshape(-1), bordered.reshape(-1)
    for e in range(W * C):
        target[first + e] = source[line * W * C + e]


@jit()
def _sum(sums, finish, columns, threads):
    blocks, rows = block_count(-(-columns // simd.lanes(sums[0]))), sums[5].size - SPARE
    if rows * sums[1].size < ALONE:  # done before a second thread would have started
        parts, across, blocks_each = 1, 1, blocks
    elif sums[1].size * sums[1].itemsize <= PANELS_BYTES and rows >= threads * 2 * SPARE:
        # all of k stays in the cache: then x should, too
        parts, across, blocks_each = -(-max(1, -(-rows // MOST_ROWS)) // threads) * threads, 1, blocks
    else:  # a task for each thread: blocks of columns first, each with its own part of k, then rows
        parts = max(1, min(threads // gcd(threads, blocks), rows // (2 * SPARE)))
        blocks_each = -(-blocks // max(1, min(blocks, threads // parts)))
        across = -(-blocks // blocks_each)
    rows_each = -(-rows // (parts * TILES)) * TILES  # no tile has rows of two tasks
    if parts * across == 1:
        zero = np.int64(0)  # a plain 0 would be a type of its own, and the task compiled again for it
        _task(zero, rows, zero, blocks, columns, sums, finish)
    else:
        _run_parallel(parts, rows_each, across, blocks_each, columns, sums, finish)


@jit(inner=True, parallel=True)
def _run_parallel(parts, rows_each, across, blocks_each, columns, sums, finish):
    for t in numba.prange(parts * across):
        row, first = t // across * rows_each, t % across * blocks_each
        _task(np.int64(row), row + rows_each, np.int64(first), first + blocks_each, columns, sums, finish)


@jit(inner=True)
def _task(row, last_row, first, last, columns, sums, finish):
    """Compute the rows row..last_row of y in the blocks first..last of its columns."""
    x, y_starts = sums[0], sums[5]
    lanes = simd.lanes(x)
    vectors = -(-columns // lanes)
    for index in range(first, min(last, block_count(vectors))):
        vector, vecs = block(vectors, index)
        f, end = vector * lanes, min(last_row, y_starts.size - SPARE)
        count = min(vecs * lanes, columns - f)
        if vecs == 4:
            _block(simd.empty_tile(x, 4), row, end, f, count, sums, finish)
        elif vecs == 3:
            _block(simd.empty_tile(x, 3), row, end, f, count, sums, finish)
        elif vecs == 2:
            _block(simd.empty_tile(x, 2), row, end, f, count, sums, finish)
        else:
            _block(simd.empty_tile(x, 1), row, end, f, count, sums, finish)


@jit(inner=True)
def _block(empty, row, last_row, f, count, sums, finish):
    x, panels, start, y, x_starts, y_starts, runs = sums
    more, low, high = finish
    width, steps = simd.width(empty), runs[-1, 1] + runs[-1, 2]
    runs_each = max(1, PANEL_BYTES // (runs[0, 2] * width * x.itemsize))
    for first in range(0, runs.shape[0], runs_each):
        last = min(first + runs_each, runs.shape[0])
        for m in range(row, last_row, simd.height(empty)):
            x_offsets, y_offsets = simd.row_offsets(empty, x_starts, m), simd.row_offsets(empty, y_starts, m)
            # k may come in several parts: the first begins the sums, each later one takes them up where they were left
            tile = simd.load(empty, y, y_offsets, f, count) if first else simd.fill(empty, start, f)
            for r in range(first, last):
                u, v = runs[r, 0], f * steps + runs[r, 1] * width
                end = u + runs[r, 2]
                while u != end:  # no counter: every register holds an address already
                    tile = simd.add_outer(tile, x, x_offsets, u, panels, v)
                    u += 1
                    v += width
            if last == runs.shape[0]:
                if more.size:
                    tile = simd.plus(tile, simd.load(empty, more, y_offsets, f, count))
                tile = simd.clamp(tile, low, high)
            simd.store(tile, y, y_offsets, f, count)
