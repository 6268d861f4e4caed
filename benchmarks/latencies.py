"""Times of a call: in the mean of many, or each for itself. Standard library only."""

from __future__ import annotations

import time
from collections.abc import Callable


def each(run: Callable[[], object], calls: int) -> float:
    """Seconds of one call, in the mean of many; after one that is not counted."""
    run()
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def one_by_one(run: Callable[[], object], calls: int) -> list[float]:
    """Seconds of every call; after one that is not counted."""
    run()
    found = []
    for _ in range(calls):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return found
