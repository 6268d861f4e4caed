"""How fast is the matrix unit just now? A busy neighbour on the same core slows it, for seconds.

Vector instructions from registers do not show it. So a contest is measured in rounds, with a probe of about a
millisecond before and after each sample; a round counts only if all its probes were fast, and the share of those that
did not is reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numba
import numpy as np

from benchmarks import sampling
from kernels.amx.instructions import configure, load, multiply, release, zero
from kernels.cpu.cache_line import LINE
from kernels.jit import FASTMATH

FAST = 0.7  # of the best probe: below that, somebody else uses the core
STEPS, WORDS = 6, 256  # steps over different tiles, in the first cache; words of a tile
FLOPS = 16 * 2 * 16 * 32  # of one multiplication
REPEATS = 1000  # of the steps: about a millisecond on a quiet core
PATIENCE = 20  # rounds tried for each that is wanted
FEWEST = 3  # quiet rounds to report anything


class Probe:
    """The speed of the matrix unit on all of Numba's threads; `unit` says where its tiles are."""

    def __init__(self, unit: Any) -> None:
        raw = np.zeros(4 * STEPS * WORDS + LINE // 4, np.uint32)
        first = -raw.ctypes.data % LINE // 4
        self.unit, self.best = unit, 0.0
        self.tiles = raw[first : first + 4 * STEPS * WORDS]
        # normal numbers: the unit is faster on zeros
        self.tiles[:] = np.random.default_rng(5).standard_normal(self.tiles.size).astype(np.float32).view(np.uint32)
        self.threads = numba.get_num_threads()
        _probe(self.threads, self.unit, self.tiles, 1)

    def gflops(self) -> float:
        """Measure once: what the slowest thread reaches, times their number."""
        start = time.perf_counter()
        _probe(self.threads, self.unit, self.tiles, REPEATS)
        rate = self.threads * REPEATS * STEPS * 4 * FLOPS / (time.perf_counter() - start) / 1e9
        self.best = max(self.best, rate)
        return rate

    def is_fast(self) -> bool:
        """Measure once, and compare with the best so far."""
        return self.gflops() >= FAST * self.best


@numba.njit(parallel=True, fastmath=FASTMATH, nogil=True)
def _probe(threads, unit, tiles, repeats):
    for _thread in numba.prange(threads):
        registers = unit.copy()
        configure(registers)
        zero(registers, 0)
        zero(registers, 1)
        zero(registers, 2)
        zero(registers, 3)
        for _ in range(repeats):
            for step in range(STEPS):
                at = 4 * step * WORDS
                load(registers, 4, tiles, at, 16)
                load(registers, 5, tiles, at + WORDS, 16)
                load(registers, 6, tiles, at + 2 * WORDS, 16)
                load(registers, 7, tiles, at + 3 * WORDS, 16)
                multiply(registers, 0, 4, 6)
                multiply(registers, 1, 4, 7)
                multiply(registers, 2, 5, 6)
                multiply(registers, 3, 5, 7)
        release(registers)


def interleave(
    runs: Mapping[str, Callable[[], object]],
    effort: sampling.Effort,
    is_fast: Callable[[], bool],
    clock: sampling.Clock = sampling.wall,
) -> tuple[dict[str, list[float]], float]:
    """Seconds per call of each contestant in quiet rounds, and the share of rounds that were rejected."""
    counts = {name: sampling.calls_for(run, effort.sample, clock) for name, run in runs.items()}
    samples: dict[str, list[float]] = {name: [] for name in runs}
    tried = kept = 0
    while kept < effort.rounds and tried < PATIENCE * effort.rounds:
        names, round_, quiet = list(runs), {}, is_fast()
        for name in names if tried % 2 == 0 else names[::-1]:
            if not quiet:
                break
            time.sleep(effort.settle)
            runs[name]()
            round_[name] = clock(runs[name], counts[name]) / counts[name]
            quiet = is_fast()
        tried += 1
        if quiet:
            kept += 1
            for name, value in round_.items():
                samples[name].append(value)
        else:
            time.sleep(effort.settle)
    if kept < min(FEWEST, effort.rounds):
        raise RuntimeError(
            f"the matrix unit was slowed by a neighbour in {tried - kept} of {tried} rounds: repeat in a quieter hour"
        )
    return samples, 1 - kept / tried
