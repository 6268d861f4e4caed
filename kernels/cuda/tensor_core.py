"""The tile's product by tensor cores: a warp keeps 64 x 32 sums, 4 x 4 products of 16 x 8, in its threads' registers.

Tensor cores take numbers of 11 (TF32) or 8 (bfloat16) bits. A float32 of 24 is a sum of such numbers, each the nearest
to what the ones before it leave over; a product of two of them is a sum of products, of which the smallest are omitted:

    tf32: a0 b0        tf32x3: a1 b0 + a0 b1 + a0 b0        bf16x3: a2 b0 + a1 b1 + a0 b2 + a1 b0 + a0 b1 + a0 b0

What that costs is in bounds.py. An infinite number's remainder is no number, so infinity makes NaN where there are
several terms.
Source: Ootomo and Yokota, Recovering single precision accuracy from tensor cores, 2022; Henry, Tang and Heinecke,
Leveraging the bfloat16 datatype for higher-precision computations, 2019.
"""

from functools import cache

import numpy as np
from numba import float32, int32, uint32, uint64

from kernels.cuda.tensor import MMA, as_float, bf16x2, load_matrices, tf32
from kernels.cuda.tiles import DEPTH, Core, thread, tile
from kernels.cuda.vectors import cuda

TERMS = {"tf32": 1, "tf32x3": 2, "bf16x3": 3}  # numbers whose sum stands for a float32
ROWS, COLUMNS = 64, 32  # of a warp's sums


@cache
def tensor_core(width: int, by_rows: bool, how: str) -> Core:
    """Return the Core of a tile that is `width` threads across; how: one of TERMS."""
    shape = tile(np.dtype(np.float32), width)
    # rows by ldmatrix, columns and b number by number: in both, the 32 threads read from 32 banks
    pitch_a, pitch_b = DEPTH + 4 if by_rows else shape.rows + 8, shape.columns + 8

    @cuda.jit(device=True, forceinline=True)
    def place():
        me = thread()
        warp, lane = int32(me // 32), int32(me % 32)
        return int32(warp % 2 * ROWS + lane // 4), int32(warp // 2 * COLUMNS + lane % 4 * 2)

    @cuda.jit(device=True, forceinline=True)
    def starts():
        me = thread()
        warp, lane = int32(me // 32), int32(me % 32)
        row, column, t = int32(warp % 2 * ROWS), int32(warp // 2 * COLUMNS + lane // 4), int32(lane % 4)
        matrices = int32((row + lane % 16) * pitch_a + lane // 16 * 4)  # this lane's row of one of the four
        return matrices if by_rows else int32(t * pitch_a + row + lane // 4), int32(t * pitch_b + column)

    @cuda.jit(device=True, forceinline=True)
    def load_a(memory, at, x):
        """Load a's (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4)."""
        if by_rows:
            x[0], x[1], x[2], x[3] = load_matrices(memory, at)
        else:
            x[0], x[1] = memory[uint64(at)], memory[uint64(at + 8)]
            x[2], x[3] = memory[uint64(at + 4 * pitch_a)], memory[uint64(at + 4 * pitch_a + 8)]

    @cuda.jit(device=True, forceinline=True)
    def load_b(memory, at, z):
        """Load b's (t, g), (t + 4, g)."""
        z[0], z[1] = memory[uint64(at)], memory[uint64(at + 4 * pitch_b)]

    parts = load_a, load_b, (16 * pitch_a, 8) if by_rows else (16, 8 * pitch_a), 8 * pitch_b
    add = _adder_bf16(*parts) if how.startswith("bf16") else _adder_tf32(*parts, TERMS[how])
    return Core(pitch_a, pitch_b, starts, add, place, (1, 8), (2, 8))


def four_times(body):
    """Return a function that calls body(0, ...), body(1, ...), body(2, ...), body(3, ...).

    A loop is not enough: for compute capability 10.0, NVIDIA's compiler left ours as they were. What a loop indexes by
    its counter then lies in memory: registers have no index.
    """

    @cuda.jit(device=True, forceinline=True)
    def run(*arguments):
        body(0, *arguments)
        body(1, *arguments)
        body(2, *arguments)
        body(3, *arguments)

    return run


def _adder_tf32(load_a, load_b, apart, apart_b, terms):
    """Return add: 16 steps in two times 8. apart: elements from 16 rows of a, and from 8 steps, to the next."""
    mma = MMA["tf32"]
    down, along = apart

    @cuda.jit(device=True, forceinline=True)
    def split(v, high, low, i):
        high[i] = tf32(v)
        if terms == 2:
            low[i] = tf32(v - as_float(high[i]))

    @four_times
    @cuda.jit(device=True, forceinline=True)
    def split_column(n, memory, at, z, high, low):
        load_b(memory, int32(at + 8 * n), z)
        split(z[0], high, low, 2 * n)
        split(z[1], high, low, 2 * n + 1)

    @four_times
    @cuda.jit(device=True, forceinline=True)
    def multiply(n, sums, i, x, z):
        j = 2 * n
        c0, c1, c2, c3 = mma(
            x[0], x[1], x[2], x[3], z[j], z[j + 1],
            sums[i, j], sums[i, j + 1], sums[i + 1, j], sums[i + 1, j + 1],
        )  # fmt: skip
        sums[i, j], sums[i, j + 1], sums[i + 1, j], sums[i + 1, j + 1] = c0, c1, c2, c3

    @four_times
    @cuda.jit(device=True, forceinline=True)
    def add_rows(m, memory, at, sums, zh, zl):
        x, xh, xl = cuda.local.array(4, float32), cuda.local.array(4, uint32), cuda.local.array(4, uint32)
        load_a(memory, int32(at + m * down), x)
        split(x[0], xh, xl, 0)
        split(x[1], xh, xl, 1)
        split(x[2], xh, xl, 2)
        split(x[3], xh, xl, 3)
        if terms == 2:
            multiply(sums, 2 * m, xl, zh)
            multiply(sums, 2 * m, xh, zl)
        multiply(sums, 2 * m, xh, zh)

    @cuda.jit(device=True, forceinline=True)
    def add8(memory, at_a, at_b, sums):
        z, zh, zl = cuda.local.array(2, float32), cuda.local.array(8, uint32), cuda.local.array(8, uint32)
        split_column(memory, at_b, z, zh, zl)
        add_rows(memory, at_a, sums, zh, zl)

    @cuda.jit(device=True, forceinline=True)
    def add(memory, at_a, at_b, sums):
        add8(memory, at_a, at_b, sums)
        add8(memory, int32(at_a + along), int32(at_b + apart_b), sums)

    return add


def _adder_bf16(load_a, load_b, apart, apart_b):
    """Return add: 16 steps at once. Which step a place along k holds is free: a pair is t and t + 4, and so for b."""
    mma = MMA["bf16"]
    down, along = apart

    @cuda.jit(device=True, forceinline=True)
    def split(v, w, terms, i):
        """Write the three terms of a pair to terms[:, i]."""
        for e in range(3):
            pair = bf16x2(w, v)
            v -= as_float(uint32(pair << uint32(16)))
            w -= as_float(uint32(pair & uint32(0xFFFF0000)))
            terms[e, i] = pair

    @four_times
    @cuda.jit(device=True, forceinline=True)
    def split_column(n, memory, at, part, z):
        load_b(memory, int32(at + 8 * n), part)
        split(part[0], part[1], z, 2 * n)
        load_b(memory, int32(at + apart_b + 8 * n), part)
        split(part[0], part[1], z, 2 * n + 1)

    @four_times
    @cuda.jit(device=True, forceinline=True)
    def multiply(n, sums, i, x, e, z, h):
        j = 2 * n
        c0, c1, c2, c3 = mma(
            x[e, 0], x[e, 1], x[e, 2], x[e, 3], z[h, j], z[h, j + 1],
            sums[i, j], sums[i, j + 1], sums[i + 1, j], sums[i + 1, j + 1],
        )  # fmt: skip
        sums[i, j], sums[i, j + 1], sums[i + 1, j], sums[i + 1, j + 1] = c0, c1, c2, c3

    @four_times
    @cuda.jit(device=True, forceinline=True)
    def add_rows(m, memory, at, part, sums, x, z):
        load_a(memory, int32(at + m * down), part)
        split(part[0], part[2], x, 0)
        split(part[1], part[3], x, 1)
        load_a(memory, int32(at + m * down + along), part)
        split(part[0], part[2], x, 2)
        split(part[1], part[3], x, 3)
        multiply(sums, 2 * m, x, 2, z, 0)
        multiply(sums, 2 * m, x, 1, z, 1)
        multiply(sums, 2 * m, x, 0, z, 2)
        multiply(sums, 2 * m, x, 1, z, 0)
        multiply(sums, 2 * m, x, 0, z, 1)
        multiply(sums, 2 * m, x, 0, z, 0)

    @cuda.jit(device=True, forceinline=True)
    def add(memory, at_a, at_b, sums):
        part = cuda.local.array(4, float32)
        x, z = cuda.local.array((3, 4), uint32), cuda.local.array((3, 8), uint32)
        split_column(memory, at_b, part, z)
        add_rows(memory, at_a, part, sums, x, z)

    return add
