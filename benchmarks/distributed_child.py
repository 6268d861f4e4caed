"""One process of `distributed`: the listing under mpiexec. The first process prints what it measured, as JSON."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

from benchmarks.keras_like import KerasLike
from benchmarks.protocol import peak_memory

LENGTHS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)  # numbers added up among processes
ROUNDS = 7


def main() -> None:
    """Measure what the arguments ask for: batch, steps, shards (0: the ordinary step)."""
    batch, steps, shards = map(int, sys.argv[1:4])
    import convnet
    from convnet.distribute import MPI, Shards

    size = MPI().size if shards else 1
    distribute = None if not shards else MPI(shards) if size > 1 else Shards(shards)
    exchanged = [] if distribute is None else time_exchanges(distribute)
    convnet.set_random_seed(0)
    peer = KerasLike(convnet)
    if distribute is not None:
        peer.model.distribute = distribute
    peer.train(batch, 3)
    samples, spent = [], []
    for _ in range(ROUNDS):
        before = sum(exchanged)
        samples.append(peer.train(batch, steps))
        spent.append((sum(exchanged) - before) / (2 * steps))  # train makes two epochs of so many steps
    found: dict[str, Any] = {"seconds": samples, "exchange": spent, "memory": peak_memory()}
    if size > 1:
        found["reduction"] = time_reductions(distribute)
    if distribute is None or distribute.rank == 0:
        print(json.dumps(found))


def time_exchanges(distribute: Any) -> list[float]:
    """Note the seconds of every sum over the shards; the list grows."""
    seconds: list[float] = []
    for name in ("add_up", "gather"):
        plain = getattr(distribute, name)

        def timed(*given: Any, plain: Any = plain) -> Any:
            start = time.perf_counter()
            result = plain(*given)
            seconds.append(time.perf_counter() - start)
            return result

        setattr(distribute, name, timed)
    return seconds


def time_reductions(distribute: Any) -> list[tuple[int, float]]:
    """Return the seconds of adding up arrays of several lengths among the processes: the best of some."""
    found = []
    for length in LENGTHS:
        best = float("inf")
        for _ in range(ROUNDS):
            sums = {(s, s + 1): np.ones(length, np.float32) for s in distribute.mine}
            start = time.perf_counter()
            distribute.add_up(sums)
            best = min(best, time.perf_counter() - start)
        found.append((length, best))
    return found


if __name__ == "__main__":
    main()
