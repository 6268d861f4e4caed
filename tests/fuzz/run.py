"""Mutated files through the workers that commands use, with good files among them that must not be lost."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from convnet.data.errors import DicomError
from convnet.data.limits import Limits
from convnet.data.reading.readers import Readers

SLOWEST = 10.1  # seconds for one step with a file: the limit, at which a worker is ended
LARGEST = 10**9  # bytes of memory
GOOD = -1  # the number of a good file
EVERY = 50
OUTCOMES = {"a fault in convnet": "fault", "ended the process": "ended"}


@dataclass(frozen=True)
class Campaign:
    """What is mutated and what is done with it.

    mutation(seed, number) -> bytes; good() -> bytes
    target(path) yields ('image' or 'model' or a reason, seconds); it may be one that pieces of files are sent by
    """

    name: str
    mutation: Callable[[int, int], bytes]
    target: Callable[[str], Iterator[tuple[str, float]]]
    good: Callable[[], bytes]
    ending: Callable[[int], str] = lambda number: ""  # of the file's name, which says how it is read


def run(campaign: Campaign, seed: int, numbers: list[int], workers: int | None = None) -> Iterator[dict[str, Any]]:
    """One row for each number: outcome, reason, seconds of its slowest step, peak (bytes, of a worker so far)."""
    with TemporaryDirectory() as folder, Readers(Limits(), workers) as readers:
        jobs = (n for i, number in enumerate(numbers) for n in ((number, GOOD) if i % EVERY == 0 else (number,)))

        def attempt(number: int) -> dict[str, Any]:
            path = Path(folder) / f"{number}-{time.monotonic_ns()}{campaign.ending(number)}"
            path.write_bytes(campaign.good() if number == GOOD else campaign.mutation(seed, number))
            try:
                found = list(readers.read(campaign.target, path))
                reason = next((r for r, _ in found if r not in ("image", "model")), "")
                seconds = max(s for _, s in found)
                outcome = "refused" if reason else "result"
            except DicomError as error:
                reason = error.reason
                outcome = next((o for words, o in OUTCOMES.items() if words in reason), "limit")
                seconds = readers.limits.seconds if outcome == "limit" else 0.0
            path.unlink()
            row = {"n": number, "outcome": outcome, "reason": reason, "seconds": round(seconds, 3)}
            return {**row, "peak": readers.peak}

        for _, row in readers.map(attempt, jobs):
            yield row


def report(campaign: Campaign, rows: list[dict[str, Any]]) -> list[str]:
    """The figures, and the reasons by how often they were given."""
    mutated = [row for row in rows if row["n"] != GOOD]
    good = [row for row in rows if row["n"] == GOOD]
    counts = Counter(row["outcome"] for row in mutated)
    kinds = Counter(
        re.sub(r"'[^']*'|[-\d.e+]*\d[-\d.e+]*", "#", row["reason"])[:90] for row in mutated if row["reason"]
    )
    slowest = max(mutated, key=lambda row: row["seconds"])
    out = [f"{n:7} x {reason}" for reason, n in kinds.most_common(60)]
    out += [
        f"{row['outcome'].upper()} {row['n']}: {row['reason']}"
        for row in mutated
        if row["outcome"] in ("fault", "ended", "limit")
    ]
    return [
        *out,
        f"{len(mutated)} mutated {campaign.name} files: {counts['result']} read, {counts['refused']} refused with a "
        f"reason, {counts['limit']} ended by a limit, {counts['ended']} crashed a worker, {counts['fault']} faults",
        f"slowest {slowest['seconds']:.2f} s (file {slowest['n']}), most memory of a worker "
        f"{max(row['peak'] for row in rows) / 1e6:.0f} MB",
        f"{len(good)} good files among them, {sum(row['outcome'] == 'result' for row in good)} read",
    ]


def failures(rows: list[dict[str, Any]]) -> list[str]:
    """What must not be: faults, lost good files, files beyond 10 s or 1 GB."""
    out = [f"file {r['n']}: {r['reason']}" for r in rows if r["outcome"] == "fault"]
    out += [f"a good file was not read: {r['reason']}" for r in rows if r["n"] == GOOD and r["outcome"] != "result"]
    out += [f"file {r['n']} took {r['seconds']} s" for r in rows if r["seconds"] > SLOWEST]
    out += [f"a worker had {r['peak']} bytes" for r in rows if r["peak"] > LARGEST][:1]
    return out


def resumed(path: Path) -> list[dict[str, Any]]:
    """Rows of an earlier run; a last line that was cut off is dropped."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows
