"""Kernels with a fault planted in each, and their correct twins. Written for the fault, not for use.

The comment FAULT stands at the lines that may be named.
"""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from numba import cuda, float32, int32, uint64


def ramp(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.float32)


def beyond_the_end(x):
    x[uint64(cuda.grid(1))] += float32(1)  # FAULT


def before_the_start(x):
    x[uint64(cuda.threadIdx.x) - uint64(1)] = float32(1)  # FAULT


def guarded(x):
    i = cuda.grid(1)
    if i < x.size:
        x[i] += float32(1)


def shared_beyond_the_end(x):
    s = cuda.shared.array(32, float32)
    s[uint64(cuda.threadIdx.x * 2)] = x[cuda.threadIdx.x]  # FAULT


def unset_shared(x):
    s = cuda.shared.array(64, float32)
    i = cuda.threadIdx.x
    if i < 60:
        s[i] = x[i]
    cuda.syncthreads()
    x[i] = s[i]  # FAULT


def unset_shared_column(x):
    s = cuda.shared.array((32, 33), float32)
    i = cuda.threadIdx.x
    s[0, i] = x[i]
    cuda.syncthreads()
    x[i] = s[0, i + 1]  # FAULT


def set_shared(x):
    s = cuda.shared.array(64, float32)
    i = cuda.threadIdx.x
    s[i] = x[i]
    cuda.syncthreads()
    x[i] = s[63 - i]


def no_barrier(x):
    s = cuda.shared.array(64, float32)
    i = cuda.threadIdx.x
    s[i] = float32(0)
    cuda.syncthreads()
    s[i] = x[i]  # FAULT
    x[i] = s[63 - i]  # FAULT


def no_barrier_before_the_next_tile(x):
    s = cuda.shared.array(64, float32)
    i = cuda.threadIdx.x
    total = float32(0)
    for tile in range(2):
        s[i] = x[tile * 64 + i]  # FAULT
        cuda.syncthreads()
        total += s[63 - i]  # FAULT
    x[i] = total


def barriers_around_tiles(x):
    s = cuda.shared.array(64, float32)
    i = cuda.threadIdx.x
    total = float32(0)
    for tile in range(2):
        s[i] = x[tile * 64 + i]
        cuda.syncthreads()
        total += s[63 - i]
        cuda.syncthreads()
    x[i] = total


def race_in_a_warp(x):
    i = cuda.threadIdx.x
    x[i] = x[(i + 1) % 32]  # FAULT


def read_by_all_written_by_the_last(x):
    i = cuda.threadIdx.x
    v = x[0]  # FAULT
    x[i + 1] = v
    if i == 31:
        x[0] = v + float32(1)  # FAULT


def read_by_all_written_by_the_first(x):
    i = cuda.threadIdx.x
    v = x[0]  # FAULT
    x[i + 1] = v
    if i == 0:
        x[0] = v + float32(1)  # FAULT


def read_by_all_written_after_a_barrier(x):
    i = cuda.threadIdx.x
    v = x[0]
    x[i + 1] = v
    cuda.syncthreads()
    if i == 31:
        x[0] = v + float32(1)


def warp_synchronised(x):
    i = cuda.threadIdx.x
    v = x[(i + 1) % 32]
    cuda.syncwarp(0xFFFFFFFF)
    x[i] = v


def sum_without_atomics(x):
    x[0] += float32(1)  # FAULT


def neighbours_of_blocks(x):
    i = cuda.grid(1)
    x[i] = float32(1)  # FAULT
    if i > 0 and cuda.threadIdx.x == 0:
        x[i - 1] += float32(1)  # FAULT


def sum_by_atomics(x):
    cuda.atomic.add(x, 0, float32(1))


def barrier_in_a_branch(x):
    i = cuda.threadIdx.x
    if i < 16:
        x[i] = float32(1)
        cuda.syncthreads()  # FAULT
        x[i] += float32(2)
    else:
        x[i] = float32(3)
        cuda.syncthreads()  # FAULT
        x[i] *= float32(5)


def barriers_by_warp(x):
    i = cuda.threadIdx.x
    for k in range(i // 32):
        x[i] += float32(k)
        cuda.syncthreads()  # FAULT
    x[i] = float32(0)
    cuda.syncthreads()  # FAULT


def barrier_after_the_branch(x):
    i = cuda.threadIdx.x
    if i < 16:
        x[i] = float32(1)
    else:
        x[i] = float32(2)
    cuda.syncthreads()
    x[i] += float32(3)


def return_before_the_barrier(x):
    i = cuda.threadIdx.x
    if i >= 50:
        return
    x[i] = float32(1)
    cuda.syncthreads()  # FAULT
    x[i] += float32(1)


def barrier_for_one_warp(x):
    i = cuda.threadIdx.x
    if i < 32:
        cuda.syncthreads()  # FAULT
    x[i] = float32(1)


def return_after_the_barrier(x):
    i = cuda.threadIdx.x
    cuda.syncthreads()
    if i >= 50:
        return
    x[i] = float32(1)


def shuffle_of_half_a_warp(x):
    i = cuda.threadIdx.x
    v = x[i]
    if i < 16:
        v = cuda.shfl_sync(0xFFFFFFFF, v, 3)  # FAULT
    x[i] = v + float32(1)


def vote_of_half_a_warp(x):
    i = cuda.threadIdx.x
    for k in range(2):
        if i % 2 == 0 and cuda.all_sync(0xFFFFFFFF, x[i] >= float32(0)):  # FAULT
            x[i] = float32(1)
        x[i] += float32(k)


def vote_after_return(x):
    i = cuda.threadIdx.x
    if i == 31:
        x[i] = float32(7)
        return
    if cuda.all_sync(0xFFFFFFFF, x[i] >= float32(0)):
        x[i] = float32(1)


def shuffle_of_all(x):
    i = cuda.threadIdx.x
    v = cuda.shfl_sync(0xFFFFFFFF, x[i], 3)
    if cuda.all_sync(0xFFFFFFFF, v >= float32(0)):
        x[i] = v


def local_array_filled(x):
    mine = cuda.local.array(8, float32)
    i = cuda.threadIdx.x
    for k in range(8):
        mine[(k + i) % 8] = x[i]
    x[i] = mine[i % 8]


def endless(x):
    while x[0] == float32(0):  # FAULT
        x[1] = float32(1)


def counts_down(x):
    n = int32(10)
    while n > 0:
        n -= int32(1)
        x[cuda.threadIdx.x] += float32(n)


def overrun_into_the_next_array(x):
    a = cuda.shared.array(32, float32)
    b = cuda.shared.array(32, float32)
    i = cuda.threadIdx.x
    a[i], b[i] = x[i], x[i]
    cuda.syncthreads()
    x[i] = a[i + 1] + b[i]  # FAULT


def counter_zeroed_without_a_barrier(x):
    count = cuda.shared.array(1, int32)
    i = cuda.threadIdx.x
    if i == 0:
        count[0] = 0  # FAULT
    cuda.atomic.add(count, 0, 1)  # FAULT
    cuda.syncthreads()
    x[i] = count[0]


def total_read_without_a_barrier(x):
    count = cuda.shared.array(1, int32)
    i = cuda.threadIdx.x
    if i == 0:
        count[0] = 0
    cuda.syncthreads()
    cuda.atomic.add(count, 0, 1)  # FAULT
    if i == cuda.blockDim.x - 1:
        x[0] = count[0]  # FAULT


def total_read_while_blocks_add(x):
    cuda.atomic.add(x, 0, float32(1))
    if cuda.grid(1) == cuda.gridsize(1) - 1:
        x[1] = x[0]  # FAULT


def written_where_two_of_a_warp_met(x):
    s = cuda.shared.array(1, float32)
    i = cuda.threadIdx.x
    if i == 0:
        s[0] = x[0]
    cuda.syncthreads()
    v = s[0]
    if i < 2:
        cuda.syncwarp(0x3)
        if i == 0:
            s[0] = float32(2)  # FAULT
    x[i] = v


def written_where_all_of_a_warp_met(x):
    s = cuda.shared.array(1, float32)
    i = cuda.threadIdx.x
    if i == 0:
        s[0] = x[3]
    cuda.syncthreads()
    v = s[0]
    cuda.syncwarp(0xFFFFFFFF)
    if i == 0:
        s[0] = float32(2)
    x[i] = v


def counted_between_barriers(x):
    count = cuda.shared.array(1, int32)
    i = cuda.threadIdx.x
    if i == 0:
        count[0] = 0
    cuda.syncthreads()
    cuda.atomic.add(count, 0, 1)
    cuda.syncthreads()
    x[i] = count[0]


FAULTS = [
    ("out-of-bounds", beyond_the_end, 4, 32, (ramp(100),)),
    ("out-of-bounds", before_the_start, 1, 32, (ramp(32),)),
    ("out-of-bounds", shared_beyond_the_end, 1, 32, (ramp(32),)),
    ("uninitialised-shared", unset_shared, 1, 64, (ramp(64),)),
    ("uninitialised-shared", unset_shared_column, 1, 32, (ramp(32),)),
    ("race", no_barrier, 1, 64, (ramp(64),)),
    ("race", no_barrier_before_the_next_tile, 1, 64, (ramp(128),)),
    ("race", race_in_a_warp, 1, 32, (ramp(32),)),
    ("race", read_by_all_written_by_the_last, 1, 32, (ramp(33),)),
    ("race", read_by_all_written_by_the_first, 1, 32, (ramp(33),)),
    ("race", sum_without_atomics, 1, 32, (ramp(1),)),
    ("race-between-blocks", sum_without_atomics, 4, 1, (ramp(1),)),
    ("race-between-blocks", neighbours_of_blocks, 2, 32, (ramp(64),)),
    ("divergent-barrier", barrier_in_a_branch, 1, 32, (ramp(32),)),
    ("divergent-barrier", barriers_by_warp, 1, 64, (ramp(64),)),
    ("missed-barrier", return_before_the_barrier, 1, 64, (ramp(64),)),
    ("missed-barrier", barrier_for_one_warp, 1, 64, (ramp(64),)),
    ("divergent-warp-operation", shuffle_of_half_a_warp, 1, 32, (ramp(32),)),
    ("divergent-warp-operation", vote_of_half_a_warp, 1, 32, (ramp(32),)),
    ("out-of-bounds", overrun_into_the_next_array, 1, 32, (ramp(32),)),
    ("race", counter_zeroed_without_a_barrier, 1, 64, (ramp(64),)),
    ("race", total_read_without_a_barrier, 1, 64, (ramp(64),)),
    ("race-between-blocks", total_read_while_blocks_add, 4, 32, (ramp(2),)),
    ("race", written_where_two_of_a_warp_met, 1, 32, (ramp(32),)),
    ("endless", endless, 1, 1, (np.zeros(2, np.float32),)),
]

TWINS = [
    (guarded, 4, 32, (ramp(100),), ramp(100) + 1),
    (set_shared, 1, 64, (ramp(64),), ramp(64)[::-1]),
    (barriers_around_tiles, 1, 64, (ramp(128),), np.r_[190 - 2 * ramp(64), ramp(128)[64:]]),
    (read_by_all_written_after_a_barrier, 1, 64, (ramp(65),), np.eye(1, 65)[0]),
    (warp_synchronised, 1, 32, (ramp(32),), np.roll(ramp(32), -1)),
    (sum_by_atomics, 4, 32, (ramp(1),), [128]),
    (barrier_after_the_branch, 1, 32, (ramp(32),), np.where(ramp(32) < 16, 4, 5)),
    (return_after_the_barrier, 1, 64, (ramp(64),), np.where(ramp(64) < 50, 1, ramp(64))),
    (vote_after_return, 1, 32, (ramp(32),), np.where(ramp(32) < 31, 1, 7)),
    (shuffle_of_all, 1, 32, (ramp(32),), np.full(32, 3)),
    (local_array_filled, 1, 32, (ramp(32),), ramp(32)),
    (written_where_all_of_a_warp_met, 1, 32, (ramp(32),), np.full(32, 3)),
    (counted_between_barriers, 1, 64, (ramp(64),), np.full(64, 64)),
    (counts_down, 1, 32, (ramp(32),), ramp(32) + 45),
]
