"""Is somebody else computing? What other processes take from the processors while we measure."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

NOISY = 0.05  # share of the machine's processors that others may take before a measurement is repeated

Measured = TypeVar("Measured")


def undisturbed(measure: Callable[[], Measured], attempts: int) -> tuple[Measured, float | None]:
    """The least disturbed of up to `attempts` measurements, and the others' share of the processors during it (0 to 1).

    The share is None where the system does not tell (no /proc/stat).
    """
    best: tuple[Measured, float | None] | None = None
    for attempt in range(attempts):
        before = _ticks()
        result = measure()
        share = _share(before, _ticks())
        if best is None or (share is not None and best[1] is not None and share < best[1]):
            best = (result, share)
        if best[1] is None or best[1] <= NOISY:
            break
        if attempt < attempts - 1:
            time.sleep(1.0)
    assert best is not None
    return best


def _ticks() -> tuple[float, float, float] | None:
    """Seconds since the start: of all processors' work, of this process's and its children's, and on the wall."""
    try:
        fields = [int(v) for v in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, steal = fields
    own = os.times()
    busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return busy, own.user + own.system, time.monotonic()


def _share(before: tuple | None, after: tuple | None) -> float | None:
    if before is None or after is None:
        return None
    busy, own, wall = (b - a for a, b in zip(before, after, strict=True))
    return max(0.0, busy - own) / (max(wall, 1e-9) * (os.cpu_count() or 1))
