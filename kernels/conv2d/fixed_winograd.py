"""Winograd's forward for weights that no longer change: U, the transform of k, is computed once.

`cpu_winograd` transforms k at every call, which for one image of many channels takes longer than all the rest. Squares,
sums and bounds are its own (cpu_winograd.py, registry.OWN_BOUNDS).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from kernels.conv2d import OP, geometry
from kernels.conv2d.cpu_winograd import LARGE
from kernels.conv2d.simd_transform import outputs, transform
from kernels.conv2d.tiles_winograd import CACHED, HELD, panel_size, run_squares
from kernels.conv2d.winograd_transforms import transform_kernel
from kernels.cpu import simd
from kernels.cpu.tiled_sums import allocate, block, block_count
from kernels.jit import jit
from kernels.scheduler import number_of_threads

SIDE = 4  # m of F(m x m, 3x3)
PAYS = 9  # squares: U is four times as large as k, and fewer do not repay reading it
KEPT = 1 << 18  # numbers of U that a core's second-level cache holds: then a core takes squares, else filters


def can_fix(k: np.ndarray, x_shape: tuple[int, ...], settings: dict[str, Any]) -> bool:
    """Return whether a convolution has this way and it pays: finite 3x3 kernels that move by one, many squares."""
    plain = (settings["stride"], settings["dilation"], settings["groups"]) == ((1, 1), (1, 1), 1)
    if not plain or k.shape[:2] != (3, 3) or min(k.shape[2:]) < LARGE or not np.isfinite(k).all():
        return False
    _, (N, Ho, Wo, _) = geometry(x_shape, k.shape, **settings)
    return N * -(-Ho // SIDE) * -(-Wo // SIDE) >= PAYS


def pack(k: np.ndarray, b: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return U, the transform of k (3,3,C,F), by blocks of filters, and b for whole vectors."""
    if k.shape[:2] != (3, 3):
        raise ValueError(f"{OP}: only 3x3 kernels have Winograd's transform here, got k.shape={k.shape}")
    start = np.zeros(k.shape[3] + simd.BITS // 8, k.dtype)
    if b is not None:
        start[: b.size] = b
    return _pack(np.ascontiguousarray(k)), start


def forward(x: np.ndarray, U: np.ndarray, start: np.ndarray, before: tuple[int, int], *, out: np.ndarray) -> None:
    """Compute y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, i + p - before[0], j + q - before[1], c] * k[p,q,c,f], into out."""
    _correlate(x, U, start, before, number_of_threads(), out)


@jit()
def _pack(k):
    C, F, lanes, t = k.shape[2], k.shape[3], simd.lanes(k), outputs(transform(SIDE, "B"))
    vectors, apart = -(-F // lanes), panel_size(C, k)
    U, image = allocate(block_count(vectors) * t * t * apart, k), k.reshape(1, 3, 3, C * F)
    for index in range(block_count(vectors)):
        vector, vecs = block(vectors, index)
        G, one = transform(SIDE, "G"), np.int64(1)
        transform_kernel(image, vector * lanes, F, vecs, 0 * one, C, one, G, U, index * t * t * apart, apart)
    return U


@jit()
def _correlate(x, U, start, before, threads, y):
    squares = y.shape[0] * -(-y.shape[1] // SIDE) * -(-y.shape[2] // SIDE)
    blocks = block_count(-(-y.shape[3] // simd.lanes(x)))
    if U.size <= KEPT:
        _run(threads, -(-squares // threads), 1, blocks, CACHED, squares, blocks, x, U, start, before, y)
    else:
        each = -(-blocks // threads)
        _run(1, squares, -(-blocks // each), each, HELD, squares, blocks, x, U, start, before, y)


@jit(inner=True, parallel=True)
def _run(parts, squares_each, across, blocks_each, held, squares, blocks, x, U, start, before, y):
    for t in numba.prange(parts * across):
        s, f = t // across * squares_each, t % across * blocks_each
        some, those = (s, min(squares, s + squares_each)), (f, min(blocks, f + blocks_each))
        run_squares(some, those, held, x, U, start, before, transform(SIDE, "B"), transform(SIDE, "A"), y)
