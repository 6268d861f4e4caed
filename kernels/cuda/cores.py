"""What multiplies the numbers in shared memory: each thread's own arithmetic, or the tensor cores.

A Core (`tiles.py`) is all that a kernel on tiles has to know of it: how the numbers are to lie there, and where a
thread's sums belong in the tile. What the kernel gathers and where it writes is the same for all.
"""

from functools import cache

import numpy as np
from numba import int32

from kernels.cuda.tiles import DEPTH, SIDE, Core, multiplier, sum_place, tile
from kernels.cuda.vectors import cuda


@cache
def core(dtype: np.dtype, width: int, by_rows: bool, depth: int, how: str = "") -> Core:
    """Return the core for a tile: the thread's own arithmetic, or a name of tensor_core.TERMS."""
    if how:
        from kernels.cuda.tensor_core import tensor_core

        return tensor_core(width, by_rows, how)
    columns = tile(dtype, width).columns
    pitch_a = DEPTH + 4 if by_rows else tile(dtype, width).rows
    step = pitch_a if by_rows else 4

    @cuda.jit(device=True, forceinline=True)
    def starts():
        row, column = sum_place(width)
        return int32(row * step), column

    @cuda.jit(device=True, forceinline=True)
    def place():
        row, column = sum_place(width)
        return (row if by_rows else int32(4 * row)), column

    add = multiplier(dtype, width, by_rows, pitch_a, columns, depth)
    return Core(pitch_a, columns, starts, add, place, (1, SIDE) if by_rows else (4, 4 * SIDE), (4, 4 * width))
