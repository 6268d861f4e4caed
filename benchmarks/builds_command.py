"""`builds`: this checkout beside another one of ours, in turn in one run. A change of structure must cost nothing."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import cold_command, results
from benchmarks import figures_of_merit as merit
from benchmarks.child import Child
from benchmarks.machine import ROOT
from benchmarks.tables import Table, machine_line, seconds, tell

ROUNDS, COMPILATIONS = 80, 2
STEPS = {"batch": 32, "steps": 20}
CASES: tuple[tuple[str, str, dict[str, int]], ...] = (
    ("a training step of the listing, batch 32", "train", STEPS),
    ("one image through the listing's model", "image", {"calls": 50}),
)


def run(
    other: Path, rounds: int, compilations: int, threads: int, options: dict[str, Any]
) -> tuple[dict[str, Any], list[Table]]:
    """Ask both builds in turn, each in a process of its own; compile each into empty folders, in turn as well."""
    if not (other / "convnet" / "__init__.py").is_file():
        raise ValueError(f"builds: {other} is no checkout of formula-convnet: it has no convnet/__init__.py")
    records = []
    with (
        Child(sys.executable, "child_convnet", threads, ROOT) as this,
        Child(sys.executable, "child_convnet", threads, other.resolve()) as that,
    ):
        for case, do, arguments in CASES:
            tell(case)
            for child in (this, that):
                child.ask(do, **arguments)  # everything is warm afterwards
            asked = [(this.ask(do, **arguments), that.ask(do, **arguments)) for _ in range(rounds)]
            records += _records(case, do, asked)
    with tempfile.TemporaryDirectory() as folder:
        places = Path(folder)
        tell("two training steps, nothing compiled yet")
        asked = [
            tuple(
                cold_command.seconds_of("train", places / "model.safetensors", places / f"{n} {root.name}", root)
                for root in (ROOT, other.resolve())
            )
            for n in range(compilations)
        ]
        records += _records("two training steps of the listing, nothing compiled yet", "cold", asked)
    document = results.document("builds", records, options | {"other": other.name}, with_peak=False)
    return document, [table(document)]


def _records(case: str, do: str, asked: list[Any]) -> list[dict[str, Any]]:
    sides = zip(("this", "other"), zip(*asked, strict=True), strict=True)
    return [{"case": case, "pass": do, "variant": name, "samples": list(samples)} for name, samples in sides]


def table(document: dict[str, Any]) -> Table:
    """Both medians, and the median of the paired ratios with its interval."""
    shown = Table("This build beside another", ["", "this", "other", "this / other"])
    for mine, theirs in zip(document["records"][::2], document["records"][1::2], strict=True):
        middle, low, high = merit.ratio(mine["samples"], theirs["samples"], paired=True)
        times = (seconds(merit.median(side["samples"])) for side in (mine, theirs))
        shown.add(mine["case"], *times, f"{middle:.3f} ({low:.3f} to {high:.3f})")
    shown.notes.append(machine_line(document))
    return shown
