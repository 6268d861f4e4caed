"""Small kernels with one fault each, of the kinds that are easily missed, and beside each a correct one like it.

The comment FAULT stands at the lines that may be named.
"""

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from numba import cuda, float32, int32

from tests.emulator.kernels import ramp


class Planted(NamedTuple):
    """A launch at fault: the fault's kind, the thread it names, and what else its message says."""

    kind: str
    kernel: Any
    grid: int
    block: int
    args: Any  # a tuple, or what makes one whose arrays share memory
    thread: int
    says: str
    options: Mapping[str, Any] = MappingProxyType({})


class Control(NamedTuple):
    """A correct launch, and what its first array holds after it."""

    kernel: Any
    grid: int
    block: int
    args: Any
    expected: Any
    options: Mapping[str, Any] = MappingProxyType({})


def sums_of_two_local_arrays(x, n):
    a = cuda.local.array(8, float32)
    b = cuda.local.array(8, float32)
    i = cuda.threadIdx.x
    for k in range(n):
        b[k % 8] = x[i]
        a[k] = x[i] + float32(k)  # FAULT
    total = float32(0)
    for k in range(n):
        total += a[k] + b[k % 8]  # FAULT
    x[i] = total


def sums_beyond_a_local_array(x, n):
    a = cuda.local.array(8, float32)
    b = cuda.local.array(8, float32)
    i = cuda.threadIdx.x
    for k in range(8):
        a[(k + n) % 8], b[(k + n) % 8] = x[i], x[i]
    total = float32(0)
    for k in range(n):
        total += a[k] * b[(3 * k) % 8]  # FAULT
    x[i] = total


def last_element_never_filled(x):
    a = cuda.local.array(4, float32)
    i = cuda.threadIdx.x
    for k in range(3):
        a[k] = x[i]
    x[i] = a[0] + a[1] + a[2] + a[3]  # FAULT


def filled_to_one_less(x, n, filled):
    a = cuda.local.array(16, float32)
    i = cuda.threadIdx.x
    for k in range(filled):
        a[k] = x[i]
    total = float32(0)
    for k in range(n):
        total += a[k]
    x[i] = total  # FAULT


def variable_of_one_branch(x):
    i = cuda.threadIdx.x
    if i < 9:
        v = x[i]
    x[i] = v + float32(1)  # FAULT


def bound_of_one_branch(x):
    i = cuda.threadIdx.x
    if i % 2 == 0:
        n = i
    for k in range(n):  # FAULT
        x[i] += float32(k)


def variable_that_is_guarded_as_it_is_set(x):
    i = cuda.threadIdx.x
    if i < 9:
        v = x[i]
    total = float32(0)
    if i < 9 and v > float32(2):
        total = v + float32(1)
    x[i] = total


def sum_of_a_warp(x):
    i = cuda.threadIdx.x
    v = x[i]
    for step in (16, 8, 4, 2, 1):
        v += cuda.shfl_down_sync(0xFFFFFFFF, v, step)
    if i % 32 == 0:
        x[i] = v  # FAULT


def sum_of_half_a_warp(x):
    i = cuda.threadIdx.x
    if i < 16:
        v = x[i]
        for step in (8, 4, 2, 1):
            v += cuda.shfl_down_sync(0xFFFF, v, step)
        if i == 0:
            x[i] = v


def value_from_outside_the_mask(x):
    i = cuda.threadIdx.x
    if i < 8:
        x[i] = cuda.shfl_sync(0xFF, x[i], 8)  # FAULT


def exchange_without_being_named(x):
    i = cuda.threadIdx.x
    x[i] = cuda.shfl_xor_sync(0xFFFF, x[i], 1)  # FAULT


def meeting_without_being_named(x):
    i = cuda.threadIdx.x
    if i > 3:
        cuda.syncwarp(0xFFFFFF00)  # FAULT
    x[i] = float32(1)


def exchange_in_two_halves(x):
    i = cuda.threadIdx.x
    mask = 0xFFFF if i < 16 else 0xFFFF0000
    x[i] = cuda.shfl_xor_sync(mask, x[i], 1)


def two_dynamic_arrays_at_one_place(x):
    a = cuda.shared.array(0, float32)
    b = cuda.shared.array(0, int32)
    i = cuda.threadIdx.x
    a[i] = x[i]
    b[i] = i
    cuda.syncthreads()
    x[i] = a[i] + float32(b[i])  # FAULT


def counter_over_a_dynamic_array(x):
    values = cuda.shared.array(0, float32)
    count = cuda.shared.array(0, int32)
    i = cuda.threadIdx.x
    values[i] = x[i]
    cuda.syncthreads()
    if i == 5:
        count[3] = 0
    cuda.syncthreads()
    x[i] = values[i]  # FAULT


def two_dynamic_arrays_side_by_side(x):
    a = cuda.shared.array(0, float32)
    b = cuda.shared.array(0, int32)[cuda.blockDim.x :]
    i = cuda.threadIdx.x
    a[i] = x[i]
    b[i] = i
    cuda.syncthreads()
    x[i] = a[i] + float32(b[i])


def dynamic_memory_used_again(x):
    a = cuda.shared.array(0, float32)
    b = cuda.shared.array(0, int32)
    i = cuda.threadIdx.x
    a[i] = x[i]
    v = a[i]
    b[i] = i
    x[i] = v + float32(b[i])


def row_times_width(x, width):
    i = int32(cuda.threadIdx.x * width)
    if i < x.size:  # FAULT
        x[i] = float32(1)  # FAULT


def row_plus_column(x, first):
    i = int32(first + cuda.threadIdx.x)
    if i < x.size:  # FAULT
        x[i] += float32(1)  # FAULT


def hash_of_the_row(x, factor):
    i = int32(cuda.threadIdx.x * factor) & 31
    x[i] = float32(1)


def added_to(x, y):
    y[cuda.threadIdx.x] += x[cuda.threadIdx.x]  # FAULT


def added_to_by_all(x, y):
    cuda.atomic.add(y, 3, x[cuda.threadIdx.x])  # FAULT


def written_then_added_to(y):
    i = cuda.threadIdx.x
    y[i] = float32(i)
    y[i] += float32(1)


def barrier_in_another_turn(x, step):
    i = cuda.threadIdx.x
    k = 0
    while k < 4 * step:
        if (k // step + i) % 2 == 0:
            cuda.syncthreads()  # FAULT
        x[i] += float32(1)
        k += step


def barrier_after_a_turn_of_ones_own(x, step):
    i = cuda.threadIdx.x
    k = 0
    while k < 4 * step:
        if k < i % 2 * step:
            k += step
            continue
        cuda.syncthreads()  # FAULT
        x[i] += float32(1)
        k += step


def barrier_after_turns_of_ones_own(x, step):
    i = cuda.threadIdx.x
    k = 0
    while k < 4 * step:
        for _ in range(i):
            x[i] += float32(1)
        cuda.syncthreads()
        k += step


@cuda.jit(debug=True, opt=False)
def asserts(x):
    i = cuda.threadIdx.x
    assert x[i] < float32(5)  # FAULT
    x[i] = float32(0)


@cuda.jit(debug=True, opt=False)
def raises(x):
    i = cuda.threadIdx.x
    if x[i] == float32(7):
        raise ValueError("a seven")  # FAULT
    cuda.syncthreads()
    x[i] = float32(0)


def moved_by_one(x, y):
    i = cuda.threadIdx.x
    y[i] = x[i]  # FAULT


def moved_by_one_behind_a_barrier(x, y):
    i = cuda.threadIdx.x
    v = x[i]
    cuda.syncthreads()
    y[i] = v


def last_block(y, x, partial, count):
    """NVIDIA's own pattern: the block that finds itself the last adds up what all blocks have written."""
    last = cuda.shared.array(1, int32)
    i = cuda.threadIdx.x
    if i == 0:
        partial[cuda.blockIdx.x] = x[cuda.blockIdx.x]
        cuda.threadfence()
        last[0] = cuda.atomic.add(count, 0, 1) == cuda.gridDim.x - 1
    cuda.syncthreads()
    if last[0] and i < cuda.gridDim.x:
        y[i] = partial[i]
        if i == 0:
            count[0] = 0


def last_block_without_a_fence(y, x, partial, count):
    last = cuda.shared.array(1, int32)
    i = cuda.threadIdx.x
    if i == 0:
        partial[cuda.blockIdx.x] = x[cuda.blockIdx.x]  # FAULT
        last[0] = cuda.atomic.add(count, 0, 1) == cuda.gridDim.x - 1
    cuda.syncthreads()
    if last[0] and i < cuda.gridDim.x:
        y[i] = partial[i]  # FAULT


def last_block_with_an_early_fence(y, x, partial, count):
    last = cuda.shared.array(1, int32)
    i = cuda.threadIdx.x
    if i == 0:
        cuda.threadfence()
        partial[cuda.blockIdx.x] = x[cuda.blockIdx.x]  # FAULT
        last[0] = cuda.atomic.add(count, 0, 1) == cuda.gridDim.x - 1
    cuda.syncthreads()
    if last[0] and i < cuda.gridDim.x:
        y[i] = partial[i]  # FAULT


def last_block_without_a_barrier(y, x, partial, count):
    i = cuda.threadIdx.x
    if i < 32:
        partial[32 * cuda.blockIdx.x + i] = x[i]  # FAULT
    if i == 32:
        cuda.threadfence()
        if cuda.atomic.add(count, 0, 1) == cuda.gridDim.x - 1:
            y[0] = partial[0]  # FAULT


def counted_under_a_lock(x, lock):
    if cuda.threadIdx.x % 32 == 0:
        while cuda.atomic.cas(lock, 0, 0, 1) != 0:
            pass
        cuda.threadfence()
        x[0] += float32(1)
        cuda.threadfence()
        cuda.atomic.exch(lock, 0, 0)


def counted_under_a_lock_without_a_fence(x, lock):
    if cuda.threadIdx.x % 32 == 0:
        while cuda.atomic.cas(lock, 0, 0, 1) != 0:
            pass
        x[0] += float32(1)  # FAULT
        cuda.atomic.exch(lock, 0, 0)


def fresh(args: Any) -> tuple:
    """Return the arguments of a launch, which may write into them."""
    return args() if callable(args) else copy.deepcopy(args)


def blocks(n: int, width: int = 1) -> tuple:
    """The arguments of the kernels above that add up by the last block."""
    return ramp(n), ramp(max(n, 32)) + 1, np.zeros(n * width, np.float32), np.zeros(1, np.int32)


def to_the_right() -> tuple:
    x = ramp(65)
    return x[:-1], x[1:]


def to_the_left() -> tuple:
    return to_the_right()[::-1]


FAULTS = [
    Planted("out-of-bounds", sums_of_two_local_arrays, 1, 32, (ramp(32), 9), 0, "the local array a of 32 bytes"),
    Planted("out-of-bounds", sums_beyond_a_local_array, 1, 32, (ramp(32), 9), 0, "the local array a.* byte 32"),
    Planted("uninitialised-local", last_element_never_filled, 1, 32, (ramp(32),), 0, "the local array a;"),
    Planted("uninitialised-local", filled_to_one_less, 1, 32, (ramp(32), 9, 8), 0, "the local array a;"),
    Planted("uninitialised-register", variable_of_one_branch, 1, 32, (ramp(32),), 9, "the variable v;"),
    Planted("uninitialised-register", bound_of_one_branch, 1, 32, (ramp(32),), 1, "the variable n;"),
    Planted("absent-thread", sum_of_a_warp, 1, 48, (ramp(48),), 32, "a shuffle"),
    Planted("absent-thread", value_from_outside_the_mask, 1, 32, (ramp(32),), 0, "a shuffle"),
    Planted("outside-the-mask", exchange_without_being_named, 1, 32, (ramp(32),), 0, "does not name it"),
    Planted("outside-the-mask", meeting_without_being_named, 1, 32, (ramp(32),), 4, "does not name it"),
    Planted(
        "aliased-shared", two_dynamic_arrays_at_one_place, 1, 32, (ramp(32),), 0, "the dynamic shared array a, 4 bytes",
        {"shared": 256},
    ),
    Planted(
        "aliased-shared", counter_over_a_dynamic_array, 1, 32, (ramp(32),), 3, "array values, 4 bytes at byte 12",
        {"shared": 128},
    ),
    Planted("index-overflow", row_times_width, 1, 32, (ramp(32), 2**28), 8, "does not fit 32 bits"),
    Planted("index-overflow", row_plus_column, 1, 32, (ramp(32), 2**31 - 5), 5, "does not fit 32 bits"),
    Planted("uninitialised-global", added_to, 1, 32, (ramp(32), ramp(32)), 0, "argument y", {"uninitialised": ("y",)}),
    Planted(
        "uninitialised-global", added_to_by_all, 1, 32, (ramp(32), ramp(32)), 0, "argument y.* byte 12",
        {"uninitialised": ("y",)},
    ),
    Planted("divergent-barrier", barrier_in_another_turn, 1, 32, (ramp(32), 3), 1, "another turn of the loop"),
    Planted("missed-barrier", barrier_after_a_turn_of_ones_own, 1, 32, (ramp(32), 3), 0, "never reach"),
    Planted("exception", asserts, 1, 32, (ramp(32),), 5, "AssertionError"),
    Planted("exception", raises, 1, 64, (ramp(64),), 7, "ValueError: a seven"),
    Planted("race", moved_by_one, 1, 64, to_the_right, 0, "argument x and y of 260 bytes"),
    Planted("race", moved_by_one, 1, 64, to_the_left, 1, "argument x and y of 260 bytes"),
    Planted("race-between-blocks", last_block_without_a_fence, 5, 32, blocks(5), 0, "argument partial"),
    Planted("race-between-blocks", last_block_with_an_early_fence, 5, 32, blocks(5), 0, "argument partial"),
    Planted("race", last_block_without_a_barrier, 1, 64, blocks(1, 32), 32, "argument partial"),
    Planted("race", counted_under_a_lock_without_a_fence, 1, 64, (ramp(1), np.zeros(1, np.int32)), 32, "argument x"),
    Planted(
        "race-between-blocks", counted_under_a_lock_without_a_fence, 2, 32, (ramp(1), np.zeros(1, np.int32)), 0,
        "argument x",
    ),
]  # fmt: skip

CONTROLS = [
    Control(sums_of_two_local_arrays, 1, 32, (ramp(32), 8), 16 * ramp(32) + 28),
    Control(sums_beyond_a_local_array, 1, 32, (ramp(32), 8), 8 * ramp(32) ** 2),
    Control(filled_to_one_less, 1, 32, (ramp(32), 8, 8), 8 * ramp(32)),
    Control(variable_of_one_branch, 1, 9, (ramp(9),), ramp(9) + 1),
    Control(variable_that_is_guarded_as_it_is_set, 1, 32, (ramp(32),), np.r_[0, 0, 0, 4:10, [0] * 23]),
    Control(sum_of_a_warp, 1, 64, (ramp(64),), np.r_[496, 1:32, 1520, 33:64]),
    Control(sum_of_half_a_warp, 1, 32, (ramp(32),), np.r_[120, 1:32]),
    Control(exchange_in_two_halves, 1, 32, (ramp(32),), np.arange(32) ^ 1),
    Control(two_dynamic_arrays_side_by_side, 1, 32, (ramp(32),), 2 * ramp(32), {"shared": 256}),
    Control(dynamic_memory_used_again, 1, 32, (ramp(32),), 2 * ramp(32), {"shared": 128}),
    Control(row_times_width, 1, 8, (ramp(32), 2**28), np.r_[1, 1:32]),
    Control(hash_of_the_row, 1, 32, (ramp(32), 2_654_435_761), np.ones(32)),
    Control(added_to, 1, 32, (ramp(32), ramp(32)), ramp(32)),
    Control(written_then_added_to, 1, 32, (ramp(32),), ramp(32) + 1, {"uninitialised": ("y",)}),
    Control(barrier_after_turns_of_ones_own, 1, 64, (ramp(64), 3), 5 * ramp(64)),
    Control(asserts, 1, 5, (ramp(5),), np.zeros(5)),
    Control(moved_by_one_behind_a_barrier, 1, 64, to_the_right, np.r_[0, 0:63]),
    Control(last_block, 5, 32, blocks(5), ramp(5) + 1),
    Control(counted_under_a_lock, 3, 64, (np.zeros(1, np.float32), np.zeros(1, np.int32)), [6]),
]
