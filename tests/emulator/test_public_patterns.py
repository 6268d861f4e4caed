"""Kernels as public code writes them: the right answer, and no fault reported where there is none."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from numba import cuda, float32, int32

from kernels.emulator import run

RNG = np.random.default_rng(11)
TPB = 32


def inclusive_scan(x, y, sums):
    """Hillis and Steele's scan of a block, in two buffers by turns."""
    buffers = cuda.shared.array((2, TPB), float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    buffers[0, t] = x[i] if i < x.size else 0
    cuda.syncthreads()
    source, step = 0, 1
    while step < TPB:
        value = buffers[source, t]
        if t >= step:
            value += buffers[source, t - step]
        buffers[1 - source, t] = value
        cuda.syncthreads()
        source, step = 1 - source, 2 * step
    if i < x.size:
        y[i] = buffers[source, t]
    if t == TPB - 1:
        sums[cuda.blockIdx.x] = buffers[source, t]


def test_a_scan_within_blocks():
    x = RNG.integers(0, 100, 70).astype(np.float32)
    y, sums = np.zeros_like(x), np.zeros(3, np.float32)
    run(inclusive_scan, 3, TPB, (x, y, sums))
    parts = np.split(x, [32, 64])
    np.testing.assert_array_equal(y, np.concatenate([np.cumsum(p) for p in parts]))
    np.testing.assert_array_equal(sums, [p.sum() for p in parts])


def histogram(x, counts):
    """Count in shared memory, in strides over the grid, and add the block's counts up."""
    own = cuda.shared.array(16, int32)
    t = cuda.threadIdx.x
    if t < 16:
        own[t] = 0
    cuda.syncthreads()
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        cuda.atomic.add(own, x[i], 1)
    cuda.syncthreads()
    if t < 16:
        cuda.atomic.add(counts, t, own[t])


def test_a_histogram_in_shared_memory():
    x, counts = RNG.integers(0, 16, 1000).astype(np.int32), np.zeros(16, np.int32)
    run(histogram, 4, 64, (x, counts))
    np.testing.assert_array_equal(counts, np.bincount(x, minlength=16))


def block_sum(x, out):
    """Add up by shuffles within warps, then over the warps' sums, then over blocks."""
    sums = cuda.shared.array(32, float32)
    t, lane, warp = cuda.threadIdx.x, cuda.threadIdx.x % 32, cuda.threadIdx.x // 32
    value = float32(0)
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        value += x[i]
    offset = 16
    while offset > 0:
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, offset)
        offset //= 2
    if lane == 0:
        sums[warp] = value
    cuda.syncthreads()
    if warp == 0:
        value = sums[lane] if lane < cuda.blockDim.x // 32 else float32(0)
        offset = 16
        while offset > 0:
            value += cuda.shfl_down_sync(0xFFFFFFFF, value, offset)
            offset //= 2
        if t == 0:
            cuda.atomic.add(out, 0, value)


def test_a_sum_by_shuffles():
    x, out = RNG.integers(-50, 50, 777).astype(np.float32), np.zeros(1, np.float32)
    run(block_sum, 3, 96, (x, out))
    assert out[0] == x.sum()


def tiled_product(a, b, c):
    """Multiply matrices by tiles of shared memory, whatever their sizes."""
    rows, columns = cuda.shared.array((8, 8), float32), cuda.shared.array((8, 8), float32)
    j, i = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, a.shape[1], 8):
        rows[ty, tx] = a[i, start + tx] if i < a.shape[0] and start + tx < a.shape[1] else 0
        columns[ty, tx] = b[start + ty, j] if start + ty < b.shape[0] and j < b.shape[1] else 0
        cuda.syncthreads()
        for k in range(8):
            total += rows[ty, k] * columns[k, tx]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


def test_a_product_of_matrices_by_tiles():
    a, b = (RNG.integers(-5, 5, s).astype(np.float32) for s in ((13, 21), (21, 10)))
    c = np.zeros((13, 10), np.float32)
    run(tiled_product, (2, 2), (8, 8), (a, b, c))
    np.testing.assert_array_equal(c, a @ b)


def first_of_each(x, y):
    """Let the first thread of a warp with a number write it: warp-aggregated work."""
    i = cuda.grid(1)
    mask = cuda.match_any_sync(0xFFFFFFFF, x[i])
    lowest = cuda.ffs(mask) - 1
    y[i] = x[i] if cuda.laneid == lowest else -1


def test_aggregation_by_matching_numbers():
    x, y = RNG.integers(0, 6, 64).astype(np.int32), np.zeros(64, np.int32)
    run(first_of_each, 2, 32, (x, y))
    for half in (slice(0, 32), slice(32, 64)):
        _, first = np.unique(x[half], return_index=True)
        expected = np.full(32, -1)
        expected[first] = x[half][first]
        np.testing.assert_array_equal(y[half], expected)


def count_positive(x, y):
    """Count with the barrier itself."""
    t = cuda.threadIdx.x
    count = cuda.syncthreads_count(int32(x[t] > 0))
    some = cuda.syncthreads_or(int32(x[t] > 100))
    y[t] = count + 1000 * some


def test_barriers_that_count():
    x, y = RNG.standard_normal(50), np.zeros(50, np.int64)
    run(count_positive, 1, 50, (x, y))
    np.testing.assert_array_equal(y, (x > 0).sum())


def ring(x, rounds):
    """Add what the opposite thread of another block wrote in the round before."""
    grid = cuda.cg.this_grid()
    i = cuda.grid(1)
    for r in range(1, rounds):
        x[r, i] = x[r - 1, x.shape[1] - 1 - i] + 1
        grid.sync()


def test_blocks_that_meet_see_each_others_rounds():
    x = np.zeros((5, 96), np.int32)
    x[0] = np.arange(96)
    run(ring, 3, 32, (x, 5))
    expected = x[0].copy()
    for r in range(1, 5):
        expected = expected[::-1] + 1
        np.testing.assert_array_equal(x[r], expected)
