"""Is somebody else computing? How long our threads stand in the queue for a processor while we measure."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

NOISY = 0.05  # share of the processors' time that our threads may wait before a measurement is repeated
LULL, PATIENCE = 0.005, 1.0  # s

Measured = TypeVar("Measured")


def undisturbed(measure: Callable[[], Measured], attempts: int) -> tuple[Measured, float | None]:
    """The least disturbed of up to `attempts` measurements, and the share of the processors' time lost (0 to 1).

    What others do while we rest, or behind our priority (chrt -f), takes nothing from us and is not counted. The share
    is None where the system does not tell (no /proc/self/task/*/schedstat).
    """
    best: tuple[Measured, float | None] | None = None
    for attempt in range(attempts):
        before, start = _waited(), time.monotonic()
        result = measure()
        share = _share(before, _waited(), time.monotonic() - start)
        if best is None or (share is not None and best[1] is not None and share < best[1]):
            best = (result, share)
        if best[1] is None or best[1] <= NOISY:
            break
        if attempt < attempts - 1:
            time.sleep(1.0)
    assert best is not None
    return best


def wait_until_asleep(pid: int) -> None:
    """Return once a process has computed nothing for LULL, or after PATIENCE; at once where the system does not tell.

    Idle threads of some engines go on spinning: ONNX Runtime's for 35 ms, which the next contestant would pay for.
    """
    end, before = time.monotonic() + PATIENCE, _computed(pid)
    while before is not None and time.monotonic() < end:
        time.sleep(LULL)
        after = _computed(pid)
        if after is None or after - before < LULL / 10:
            return
        before = after


def _computed(pid: int) -> float | None:
    """Seconds of processor time that a process's threads have had, since they began."""
    return _sum_of_threads(pid, 0)


def _waited() -> float | None:
    """Seconds that this process's threads have stood in the queue for a processor, since they began."""
    return _sum_of_threads(os.getpid(), 1)


def _sum_of_threads(pid: int, field: int) -> float | None:
    """Add up a field of schedstat, in nanoseconds there; None where there is none. A thread may end meanwhile."""
    try:
        fields = [p.read_text().split() for p in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    except OSError:
        return None
    return sum(int(f[field]) for f in fields) / 1e9 if fields else None


def _share(before: float | None, after: float | None, wall: float) -> float | None:
    if before is None or after is None:
        return None
    return max(0.0, after - before) / (max(wall, 1e-9) * (os.cpu_count() or 1))
