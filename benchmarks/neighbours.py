"""Does somebody on the core's other hardware thread slow us just now? On shared machines a neighbour does, for seconds.

Multiply-adds from registers do not show it; what streams from the second-level cache becomes 10 to 40 % slower, and a
matrix unit three times. So a contest goes in rounds, with a probe of about a millisecond before and after each sample.
A round counts only if all its probes were fast, and the share of those that did not count stands beside the result.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numba
import numpy as np

from kernels.jit import FASTMATH, jit

FAST = 0.65  # of the undisturbed rate of the second-level cache: after a rest, quiet machines begin a quarter slower
USUAL = 0.9  # the quantile of the rates that is called undisturbed
FIRST = 20  # probes before the first round
NUMBERS = 3 << 15  # float32 that each thread reads, 384 KiB: more than the first cache holds, less than the second
REPEATS = 100  # some 0.2 ms
TIMES = 5  # of which the quickest counts: threads may have to wake up first, a neighbour slows them all


class Watch:
    """A probe's speeds, and how many rounds they rejected."""

    def __init__(self, rate: Callable[[], float], fast: float) -> None:
        """rate: measures once, more is faster; fast: the share of the undisturbed rate that still counts as fast."""
        self._rate, self._fast = rate, fast
        self.rates: list[float] = []
        self.tried = self.rejected = 0

    def undisturbed(self) -> float:
        """Return the rate that a tenth of the probes exceeds: a single one may be too high by chance."""
        return float(np.quantile(self.rates, USUAL))

    def is_fast(self) -> bool:
        """Measure once, and compare."""
        self.rates.append(self._rate())
        return self.rates[-1] >= self._fast * self.undisturbed()

    def count(self, quiet: bool) -> None:
        """Note what became of a round."""
        self.tried += 1
        self.rejected += not quiet

    def share(self) -> float:
        """Return the share of rounds that were rejected so far."""
        return self.rejected / max(self.tried, 1)


class CacheProbe:
    """How fast all of Numba's threads read their second-level caches."""

    def __init__(self) -> None:
        self.threads = numba.get_num_threads()
        self.numbers = np.ones((self.threads, NUMBERS), np.float32)
        _read(self.numbers, 1)

    def __call__(self) -> float:
        """Return bytes a second: what the slowest thread reaches, times their number."""
        threads = numba.get_num_threads()  # a contestant may have fewer than there are
        numba.set_num_threads(self.threads)
        took = min(self._time() for _ in range(TIMES))
        numba.set_num_threads(threads)
        return REPEATS * self.numbers.nbytes / took

    def _time(self) -> float:
        start = time.perf_counter()
        _read(self.numbers, REPEATS)
        return time.perf_counter() - start


@jit(parallel=True, fastmath=FASTMATH | {"reassoc"})
def _read(numbers, repeats):
    sums = np.zeros(numbers.shape[0], np.float32)
    for thread in numba.prange(numbers.shape[0]):
        row, total = numbers[thread], np.float32(0)
        for repeat in range(repeats):
            row[repeat] = np.float32(repeat)  # or one pass would do for all
            for i in range(row.size):
                total += row[i]
        sums[thread] = total
    return sums


_watches: list[Watch] = []


def watch_cache() -> Watch:
    """Return the watch of this process; made at the first call, when the number of threads is set."""
    if not _watches:
        _watches.append(Watch(CacheProbe(), FAST))
        for _ in range(FIRST):
            _watches[0].is_fast()
    return _watches[0]


def rejected() -> float | None:
    """Return the share of rounds that were rejected in this process; None if nobody watched."""
    return _watches[0].share() if _watches else None
