"""How fast is the matrix unit just now? The probe of benchmarks/neighbours.py for its rungs."""

from __future__ import annotations

import time
from typing import Any

import numba
import numpy as np

from kernels.amx.instructions import configure, load, multiply, release, zero
from kernels.cpu.cache_line import LINE
from kernels.jit import FASTMATH

FAST = 0.7  # of the best probe: below that, somebody else uses the core
STEPS, WORDS = 6, 256  # steps over different tiles, in the first cache; words of a tile
FLOPS = 16 * 2 * 16 * 32  # of one multiplication
REPEATS = 1000  # of the steps: about a millisecond on a quiet core


class Probe:
    """The speed of the matrix unit on all of Numba's threads; `unit` says where its tiles are."""

    def __init__(self, unit: Any) -> None:
        raw = np.zeros(4 * STEPS * WORDS + LINE // 4, np.uint32)
        first = -raw.ctypes.data % LINE // 4
        self.unit = unit
        self.tiles = raw[first : first + 4 * STEPS * WORDS]
        # normal numbers: the unit is faster on zeros
        self.tiles[:] = np.random.default_rng(5).standard_normal(self.tiles.size).astype(np.float32).view(np.uint32)
        self.threads = numba.get_num_threads()
        _probe(self.threads, self.unit, self.tiles, 1)

    def __call__(self) -> float:
        """Return GFLOP/s: what the slowest thread reaches, times their number."""
        start = time.perf_counter()
        _probe(self.threads, self.unit, self.tiles, REPEATS)
        return self.threads * REPEATS * STEPS * 4 * FLOPS / (time.perf_counter() - start) / 1e9


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
