"""The register tile: a block of threads computes a tile of a product of matrices, y[m, n] = sum_k a[m, k] b[k, n].

Each thread holds T x T sums in registers (8 x 8 of float32, 4 x 4 of float64), and a step of the sum takes T numbers of
a and T of b for T * T multiply-adds. a's and b's numbers come from shared memory, where the block has put DEPTH steps'
worth of them, while the next DEPTH steps are on their way into a second buffer (`copies`).

a lies there by rows (DEPTH numbers of one row side by side) or by columns (the tile's rows side by side), b always
with its columns side by side: whatever order the arrays have in memory, 16 bytes can be fetched at once.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import float32, float64, int32, int64, uint32, uint64

from kernels.cuda.vectors import cuda, load4

DEPTH = 16
SIDE = 16  # threads down a tile
WANTED_BLOCKS = 256  # about two for each multiprocessor of a large GPU


class Tile(NamedTuple):
    """A block's tile: `threads` hold `t` x `t` sums each, `rows` x `columns` in all."""

    real: Any
    t: int
    across: int
    threads: int
    rows: int
    columns: int


@cache
def tile(dtype: np.dtype, across: int) -> Tile:
    """Return the tile of SIDE x `across` threads (8 or 16)."""
    real, t = (float32, 8) if np.dtype(dtype).itemsize == 4 else (float64, 4)
    return Tile(real, t, across, SIDE * across, SIDE * t, across * t)


@cache
def multiplier(dtype: np.dtype, across: int, by_rows: bool, pitch_a: int, pitch_b: int, depth: int):
    """Return the device function that adds `depth` steps (16 or 24) to the sums: add(memory, a's start, b's, sums).

    pitch: elements from one row of a (if not by_rows: one step) to the next, and from one step of b to the next.
    """
    real, t, *_ = tile(dtype, across)
    side, step_b = SIDE, across * 4

    @cuda.jit(device=True, forceinline=True)
    def add_rows(memory, at_a, at_b, sums):
        x = cuda.local.array((t, 4), real)
        z = cuda.local.array(t, real)
        for i in range(t):
            x[i, 0], x[i, 1], x[i, 2], x[i, 3] = load4(memory, at_a + i * side * pitch_a)
        for e in range(4):
            for h in range(t // 4):
                z[4 * h], z[4 * h + 1], z[4 * h + 2], z[4 * h + 3] = load4(memory, at_b + e * pitch_b + h * step_b)
            for i in range(t):
                for j in range(t):
                    sums[i, j] += x[i, e] * z[j]

    @cuda.jit(device=True, forceinline=True)
    def add_column(memory, at_a, at_b, sums):
        x = cuda.local.array(t, real)
        z = cuda.local.array(t, real)
        for h in range(t // 4):
            x[4 * h], x[4 * h + 1], x[4 * h + 2], x[4 * h + 3] = load4(memory, at_a + h * 4 * side)
            z[4 * h], z[4 * h + 1], z[4 * h + 2], z[4 * h + 3] = load4(memory, at_b + h * step_b)
        for i in range(t):
            for j in range(t):
                sums[i, j] += x[i] * z[j]

    @cuda.jit(device=True, forceinline=True)
    def add_columns(memory, at_a, at_b, sums):
        add_column(memory, at_a, at_b, sums)
        add_column(memory, at_a + pitch_a, at_b + pitch_b, sums)
        add_column(memory, at_a + 2 * pitch_a, at_b + 2 * pitch_b, sums)
        add_column(memory, at_a + 3 * pitch_a, at_b + 3 * pitch_b, sums)

    add4, four = (add_rows, 4) if by_rows else (add_columns, 4 * pitch_a)

    # written out: the compiler unrolls a loop of so many instructions only in part
    @cuda.jit(device=True, forceinline=True)
    def add(memory, at_a, at_b, sums):
        add4(memory, int64(at_a), int64(at_b), sums)
        add4(memory, int64(at_a + four), int64(at_b + 4 * pitch_b), sums)
        add4(memory, int64(at_a + 2 * four), int64(at_b + 8 * pitch_b), sums)
        add4(memory, int64(at_a + 3 * four), int64(at_b + 12 * pitch_b), sums)
        if depth == 24:
            add4(memory, int64(at_a + 4 * four), int64(at_b + 16 * pitch_b), sums)
            add4(memory, int64(at_a + 5 * four), int64(at_b + 20 * pitch_b), sums)

    return add


class Core(NamedTuple):
    """Device functions and the places of a thread's sums.

    pitch_a, pitch_b: elements from one row of a (of its steps, if it lies by columns) and one step of b to the next.
    starts() -> where the thread begins to read in a and in b; add(memory, there, there, sums): `depth` steps.
    place() -> the tile's row and column of sums[0, 0]; sums[i, j] lies i // n * step + i % n rows below, where
    (n, step) = rows, and columns say the same of j.
    """

    pitch_a: int
    pitch_b: int
    starts: Any
    add: Any
    place: Any
    rows: tuple[int, int]
    columns: tuple[int, int]


class Division(NamedTuple):
    """n // d = (2n * factor >> 32) >> shift for 0 <= n < 2**31: a GPU divides slowly, and multiplies at once.

    Source: Granlund and Montgomery, Division by invariant integers using multiplication, 1994.
    """

    d: np.int32
    factor: np.uint32
    shift: np.uint32


def division(d: int) -> Division:
    """Return the Division by d, 1 <= d < 2**31."""
    bits = (d - 1).bit_length()
    return Division(np.int32(d), np.uint32(-(-(1 << 31 + bits) // d)), np.uint32(bits))


@cuda.jit(device=True, forceinline=True)
def quotient(n, by):
    """Return n // d, n an int32 that is not negative."""
    high = uint32((uint64(uint32(n + n)) * uint64(by.factor)) >> uint64(32))
    return int32(high >> by.shift)


class Axis(NamedTuple):
    """One direction of a correlation: result i sums over taps p, at size's index stride*i + tap*p + start.

    results: how many i; result i lies at spread*i + first of `length`.
    """

    size: np.int32
    stride: np.int32
    tap: np.int32
    start: np.int32
    results: np.int32
    spread: np.int32
    first: np.int32
    length: np.int32


def parts(blocks: int, steps: int) -> int:
    """Into how many parts each sum is cut, so that a large GPU has work enough. The shape alone decides: same bits."""
    return max(1, min(WANTED_BLOCKS // max(blocks, 1), steps // (8 * DEPTH)))


@cuda.jit(device=True, forceinline=True)
def thread():
    """Return the thread's number in its block, in a form that the compiler knows is not negative."""
    return int64(uint32(cuda.threadIdx.x))


@cuda.jit(device=True, forceinline=True)
def sum_place(across):
    """Return (row of the block's SIDE, first column of four) of a thread's sums. A warp is a patch of 4 x 8."""
    me = thread()
    warp, lane = me // 32, me % 32
    row = int32(warp // (across // 8) * 4 + lane // 8)
    return row, int32(4 * (warp % (across // 8) * 8 + lane % 8))


def options(threads: int) -> dict:
    """Return the compiler options of a tile's kernel: the registers that let 512 threads run on one multiprocessor."""
    return {"launch_bounds": (threads, 512 // threads)}
