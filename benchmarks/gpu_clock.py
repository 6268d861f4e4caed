"""Two clocks for what a GPU does: events in its own queue, and the wall.

An event is the GPU's own note of when it came by: between two of them lies the time of the launches alone, if these
have been queued before the first began. A kernel that only sleeps holds the queue until they are.
The emulator and the simulator have no queue: there both clocks are the wall's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

from benchmarks import sampling
from kernels import targets, toolchain

NAP = 100_000  # ns a nap: a GPU naps for at most 1 ms at once
MOST_NAPS = 2000  # 0.2 s


def events(target: str) -> sampling.Clock:
    """Seconds between two events around `count` calls; PyTorch and CuPy launch into the same queue, the default one."""
    if target != "cuda":
        return wall(target)
    cuda = toolchain.numba_cuda()
    start, end = cuda.event(), cuda.event()

    def clock(run: Callable[[], object], count: int) -> float:
        begin = time.perf_counter()
        sampling.wall(run, count)
        queued = time.perf_counter() - begin
        cuda.synchronize()
        naps = min(int(1.5e9 * queued / NAP) + 1, MOST_NAPS)
        _hold()[1, 1](naps)
        start.record()
        sampling.wall(run, count)
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1000

    return clock


def wall(target: str) -> sampling.Clock:
    """Seconds on the wall for `count` calls, until the device has done them."""

    def clock(run: Callable[[], object], count: int) -> float:
        begin = time.perf_counter()
        sampling.wall(run, count)
        targets.synchronize(target)
        return time.perf_counter() - begin

    return clock


@cache
def _hold() -> Any:
    """A kernel of one thread that sleeps so many naps."""
    cuda = toolchain.numba_cuda()

    @cuda.jit
    def hold(naps):
        for _ in range(naps):
            cuda.nanosleep(NAP)

    return hold
