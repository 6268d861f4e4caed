"""The 8-bit product for one sample alone: each weight is used once, so k is read as it lies, and nothing is packed.

Two rows of k are put beside each other in registers, and a tile has one row (kernels/cpu/simd_steps.py).
"""

import numpy as np

from kernels.cpu import simd, simd_steps, simd_sums
from kernels.cpu.simd_sums import WIDTH
from kernels.jit import jit


def fits(k_shape):
    """Return whether the rows of k come in pairs and its columns in whole tiles."""
    return k_shape[0] % 2 == 0 and k_shape[1] % WIDTH == 0


def forward(x, k, b, multiplier, x_zero, levels, y):
    """Compute y[f] = the level, or the number, of multiplier[f] * (b[f] + sum_c (x[c] - x_zero) * k[c,f]).

    x (C,)  k (C,F)  y (F,)
    """
    _forward(x, k, b, multiplier, x_zero, levels, y.itemsize, y.view(np.int8))


@jit()
def _forward(x, k, b, m, x_zero, levels, size, y):
    C, F = k.shape
    wide, flat, zero = np.empty(C, np.int16), k.reshape(-1), np.int16(x_zero)
    for c in range(C):
        wide[c] = np.int16(x[c]) - zero
    start = np.zeros(1, np.int64)
    empty = simd_sums.no_sums(1)
    offsets = simd.row_offsets(empty, start, 0)
    for f in range(0, F, WIDTH):
        tile = empty
        for c in range(0, C, 2):
            tile = simd_steps.add_rows(tile, wide, c, flat, c * F + f, c * F + F + f)
        simd_sums.store(tile, b, m, f, levels, size == 4, y, offsets, f * size)
