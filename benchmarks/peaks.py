"""This machine's own roof: multiply-adds from registers, and bytes to and from each level of memory.

Both use the same vectors and threads as the kernels. The best of many short runs counts, since a roof is what can be
reached, not what usually is. Compiled anew in each run: kernels.jit's cache knows the sources of kernels/ only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import numba
import numpy as np

from kernels.cpu import simd
from kernels.jit import FASTMATH

REPEATS, SECONDS = 12, 0.003
SETS = tuple(2**e for e in range(15, 28, 2))  # bytes of the working set of all threads: 32 KiB to 128 MiB
MARGIN = 1.05  # beyond this times the roof a figure is an error of the measurement


_seen: dict[str | int, float] = {}  # the best so far


def fma() -> float:
    """GFLOP/s of fused multiply-adds from registers, float32, on all of Numba's threads."""
    return _seen["fma"] if "fma" in _seen else fma_again()


def fma_again() -> float:
    """The same after one more measurement, which may have been less disturbed."""
    threads, x = numba.get_num_threads(), np.full(64, 1e-6, np.float32)
    y = np.zeros((threads, 1024), np.float32)
    flops = threads * _fma_flops(x)
    _seen["fma"] = max(_seen.get("fma", 0.0), _best(lambda steps: _fma(threads, steps, x, y), flops) / 1e9)
    return _seen["fma"]


def bandwidth(working_set: float) -> float:
    """GB/s that no kernel with so many bytes can exceed: the best measured on a set at most that large.

    A small set has the faster caches, so this is the roof of the nearest measured size below.
    """
    below = [s for s in SETS if s <= working_set]
    return bandwidths()[below[-1] if below else SETS[0]]


@cache
def bandwidths() -> dict[int, float]:
    """Working set in bytes -> GB/s: the best of reading, copying, the triad a = b + s*c, and a = a + s in place."""
    raw = {size: max(_seen.get(size, 0.0), *(_traffic(kind, size) for kind in range(4))) for size in SETS}
    _seen.update(raw)
    # the larger set cannot be faster than a smaller one: starting threads weighs on the small ones
    return {size: max(raw[s] for s in SETS if s >= size) for size in SETS}


def memory() -> float:
    """GB/s of the largest set: main memory."""
    return bandwidths()[SETS[-1]]


def again() -> None:
    """Measure everything once more."""
    fma_again()
    bandwidths.cache_clear()


def _best(run: Callable[[int], object], work: float) -> float:
    """The highest rate of `work` per step and second."""
    run(1)  # compiles
    steps, rate = 1, 0.0
    while True:
        times = [_seconds(run, steps) for _ in range(3)]
        faster = work * steps / min(times)
        # longer runs gain nothing any more: what is constant (threads that start, or wait for a processor) is gone
        if min(times) >= SECONDS and faster < 1.1 * rate:
            break
        rate, steps = max(rate, faster), steps * 2
    return max(rate, *(work * steps / _seconds(run, steps) for _ in range(REPEATS)))


def _seconds(run: Callable[[int], object], steps: int) -> float:
    start = time.perf_counter()
    run(steps)
    return time.perf_counter() - start


def _traffic(kind: int, size: int) -> float:
    """GB/s of one kind of traffic on `size` bytes in all, each thread in a part of its own."""
    threads, arrays = numba.get_num_threads(), (1, 2, 3, 1)[kind]
    length = max(64, size // (4 * arrays * threads))
    a, b, c = (np.ones((threads, length), np.float32) for _ in range(3))
    return _best(lambda steps: _move(kind, steps, a, b, c), 4 * (1, 2, 3, 2)[kind] * threads * length) / 1e9


@numba.njit(parallel=True, fastmath=FASTMATH)
def _fma(threads, steps, x, y):
    for t in numba.prange(threads):
        _fma_loop(steps, x, y[t])


@numba.njit(fastmath=FASTMATH)
def _fma_loop(steps, x, y):
    tile = simd.low_tile(x, 4, 5)  # 20 sums, 4 vectors, 5 numbers: all of it fits into 32 registers
    rows = simd.row_offsets(tile, np.arange(5), 0)
    for _ in range(steps * 64):
        tile = simd.add_outer(tile, x, rows, 0, x, 0)
    simd.store(tile, y, simd.row_offsets(tile, np.arange(5) * simd.width(tile), 0), 0, simd.width(tile))


@numba.njit(fastmath=FASTMATH)
def _fma_flops(x):
    """Operations of one step of `_fma_loop`."""
    return 2 * 64 * 5 * simd.width(simd.low_tile(x, 4, 5))


@numba.njit(parallel=True, fastmath=FASTMATH)
def _move(kind, steps, a, b, c):
    total = np.zeros(a.shape[0], np.float32)
    for t in numba.prange(a.shape[0]):
        if kind == 0:
            total[t] = _read(steps, a[t])
        elif kind == 1:
            _copy(steps, a[t], b[t])
        elif kind == 2:
            _triad(steps, a[t], b[t], c[t])
        else:
            _copy(steps, a[t], a[t])  # in place, as an optimizer does it: no line is fetched only to be overwritten
    return total


@numba.njit(fastmath=True)  # this sum may be reordered: its value is of no interest
def _read(steps, a):
    total = np.float32(0)
    for step in range(steps):
        part = np.float32(0)
        for i in range(a.size):
            part += a[i]
        total += part * np.float32(step)
    return total


@numba.njit(fastmath=FASTMATH)
def _copy(steps, a, b):
    for step in range(steps):
        s = np.float32(step)
        for i in range(a.size):
            b[i] = a[i] + s


@numba.njit(fastmath=FASTMATH)
def _triad(steps, a, b, c):
    for step in range(steps):
        s = np.float32(step)
        for i in range(a.size):
            a[i] = b[i] + s * c[i]
