"""Taking times: warm up, choose how often to call, and go round the contestants in turn (A B A B)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.neighbours import Watch

SAMPLE = 0.002  # s: a sample calls as often as this takes, so that the clock's own cost vanishes
Clock = Callable[[Callable[[], object], int], float]  # seconds that so many calls take
PATIENCE = 20  # rounds tried for each that is wanted
FEWEST = 3  # rounds to report anything
SETTLE = 0.01  # s: OpenMP threads spin on after their last region; the next contestant must not pay for it


@dataclass(frozen=True)
class Effort:
    """How many rounds, and how long one sample is."""

    rounds: int = 21
    sample: float = SAMPLE  # s
    settle: float = SETTLE  # s
    attempts: int = 3  # at measuring undisturbed
    watch: Watch | None = None  # rejects rounds in which a neighbour slowed the processor


FULL, QUICK = Effort(), Effort(rounds=3, sample=0.0005, settle=0.0, attempts=1)


def first_call(run: Callable[[], object]) -> float:
    """Seconds of the first call in this process: with compilation, or loading from the disk cache."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def wall(run: Callable[[], object], count: int) -> float:
    """Seconds on the clock for `count` calls."""
    start = time.perf_counter()
    for _ in range(count):
        run()
    return time.perf_counter() - start


def calls_for(run: Callable[[], object], seconds: float, clock: Clock = wall) -> int:
    """How many calls take about `seconds`."""
    run()
    count = 1
    while True:
        elapsed = clock(run, count)
        if elapsed >= seconds / 2 or count >= 1_000_000:
            return max(1, round(count * seconds / elapsed))
        count *= 2 if elapsed > seconds / 20 else 8


def interleave(runs: Mapping[str, Callable[[], object]], effort: Effort, clock: Clock = wall) -> dict[str, list[float]]:
    """Seconds per call of each contestant, one sample a round; round r is at index r of every list."""
    counts = {name: calls_for(run, effort.sample, clock) for name, run in runs.items()}

    def take(name: str) -> float:
        runs[name]()  # its threads and data are awake again
        return clock(runs[name], counts[name]) / counts[name]

    return go_round(list(runs), take, effort)


def take_turns(
    runs: Mapping[str, Callable[[int], float]], calls: Mapping[str, int], effort: Effort
) -> dict[str, list[float]]:
    """Do the same with contestants that time themselves: each returns the seconds of one of so many calls."""
    return go_round(list(runs), lambda name: runs[name](calls[name]), effort)


def go_round(names: Sequence[str], take: Callable[[str], float], effort: Effort) -> dict[str, list[float]]:
    """Take a sample of each in turn, in rounds; one in which a neighbour slowed the processor is taken again.

    RuntimeError if that never ends.
    """
    samples: dict[str, list[float]] = {name: [] for name in names}
    watch, tried, kept = effort.watch, 0, 0
    while kept < effort.rounds and tried < PATIENCE * effort.rounds:
        taken, quiet = {}, watch is None or watch.is_fast()
        for name in names if tried % 2 == 0 else names[::-1]:  # nobody always runs in the other's wake
            if not quiet:
                break
            if len(names) > 1:
                time.sleep(effort.settle)
            taken[name] = take(name)
            quiet = watch is None or watch.is_fast()
        tried += 1
        kept += quiet
        if watch is not None:
            watch.count(quiet)
        if quiet:
            for name, value in taken.items():
                samples[name].append(value)
        else:
            time.sleep(effort.settle)
    if kept < min(FEWEST, effort.rounds):
        raise RuntimeError(
            f"a neighbour slowed the processor in {tried - kept} of {tried} rounds: repeat in a quieter hour"
        )
    return samples


def samples_of(run: Callable[[], object], effort: Effort) -> list[float]:
    """Seconds per call of one contestant."""
    return interleave({"": run}, effort)[""]
