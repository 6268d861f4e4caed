"""Sums that many threads share, in an order that depends on the shape only: the same bits on every run.

A warp's 32 threads add their numbers by shuffles, register to register; a block's warps meet in shared memory, behind
one barrier; blocks leave their sums in memory, where the next launch adds them in their order. No atomics: they add in
the order in which threads happen to come.
"""

from numba import float64

from kernels.cuda.vectors import cuda
from kernels.device import launch, launch_flat, scratch

ALL = 0xFFFFFFFF  # every thread of the warp takes part
COLUMNS, ROWS = 32, 8  # a block that sums columns: one warp reads 32 neighbours of a row, 8 warps read 8 rows


@cuda.jit(device=True)
def warp_sum(v):
    """Return the sum of the warp's 32 numbers, in each of its threads: of pairs 16 lanes apart, then 8, 4, 2, 1."""
    for lanes in (16, 8, 4, 2, 1):
        v += cuda.shfl_xor_sync(ALL, v, lanes)
    return v


@cuda.jit(device=True)
def warp_largest(v):
    """Return the largest of the warp's 32 numbers, in each of its threads; a NaN stays with the thread that has it."""
    for lanes in (16, 8, 4, 2, 1):
        other = cuda.shfl_xor_sync(ALL, v, lanes)
        v = other if other > v else v
    return v


@cuda.jit(device=True)
def block_sum(v):
    """Return the sum of the block's numbers (float64, whole warps), in each of its threads. One call a kernel."""
    sums = cuda.shared.array(32, float64)
    lane, warp = cuda.threadIdx.x % 32, cuda.threadIdx.x // 32
    v = warp_sum(v)
    if lane == 0:
        sums[warp] = v
    cuda.syncthreads()
    return warp_sum(sums[lane] if lane < cuda.blockDim.x // 32 else 0.0)


@cuda.jit(device=True)
def sum_rows(v, tile):
    """Return the sum of v over threadIdx.y, for the first warp; `tile` is shared, (ROWS, COLUMNS) float64."""
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    tile[y, x] = v
    cuda.syncthreads()
    total = v
    if y == 0:
        for r in range(1, ROWS):
            total += tile[r, x]
    return total


def chunk_of(rows):
    """Return the rows that a block takes: enough to be worth a launch, few enough that all of a GPU has work."""
    return max(256, -(-rows // 64))


def sum_columns(a, out):
    """Compute out[c] = sum_m a[m,c], in float64: in float32 a sum far above its terms would swallow them."""
    M, C = a.shape
    chunk = chunk_of(M)
    partial = scratch(a, (max(-(-M // chunk), 1), C), "f8")
    launch(_sum_columns, (-(-C // COLUMNS), len(partial)), (COLUMNS, ROWS), a, chunk, partial)
    launch_flat(_add_partials, C, partial, out)


@cuda.jit
def _sum_columns(a, chunk, partial):
    """Compute partial[k,c] = sum of a[m,c] over the rows m of chunk k."""
    tile = cuda.shared.array((ROWS, COLUMNS), float64)
    M, C = a.shape
    c, k = cuda.blockIdx.x * COLUMNS + cuda.threadIdx.x, cuda.blockIdx.y
    v = 0.0
    if c < C:
        for m in range(k * chunk + cuda.threadIdx.y, min((k + 1) * chunk, M), ROWS):
            v += a[m, c]
    total = sum_rows(v, tile)
    if c < C and cuda.threadIdx.y == 0:
        partial[k, c] = total


@cuda.jit(device=True)
def add_partials(partial, c):
    """Return the chunks' sums of column c, in their order."""
    total = partial[0, c]
    for k in range(1, partial.shape[0]):
        total += partial[k, c]
    return total


@cuda.jit
def _add_partials(partial, out):
    c = cuda.grid(1)
    if c < out.size:
        out[c] = add_partials(partial, c)


def mean_of(numbers, weights, count, out):
    """Compute out[0] = 1/count * sum_n weights[n] * numbers[n], in one block; numbers float64, weights may be None."""
    weighted = weights is not None
    launch(_mean_of, 1, 256, numbers, weights if weighted else out, weighted, count, out)


@cuda.jit
def _mean_of(numbers, weights, weighted, count, out):
    v = 0.0
    for n in range(cuda.threadIdx.x, numbers.size, cuda.blockDim.x):
        v += float64(weights[n]) * numbers[n] if weighted else numbers[n]
    total = block_sum(v)
    if cuda.threadIdx.x == 0:
        out[0] = total / count
