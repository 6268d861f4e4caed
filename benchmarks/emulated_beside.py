"""`emulated --beside FOLDER`: the multiply-adds a second of this checkout's emulator and of another's, in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import figures_of_merit as merit
from benchmarks import results
from benchmarks.machine import ROOT
from benchmarks.tables import Table, machine_line, tell

ROUNDS = 5


def run(other: Path, calls: int, options: dict[str, Any]) -> tuple[dict, list[Table]]:
    """Time a convolution on both checkouts' emulators in turn, each in processes of its own."""
    if not (other / "kernels" / "__init__.py").is_file():
        raise ValueError(f"emulated --beside: {other} is no checkout of formula-convnet: it has no kernels/__init__.py")
    samples: dict[str, list[float]] = {"this": [], "other": []}
    count = 0
    for turn in range(ROUNDS):
        tell(f"round {turn + 1} of {ROUNDS}" + (": compiles" if turn == 0 else ""))
        for name, root in (("this", ROOT), ("other", other.resolve())):
            count, seconds_each = _ask(root, calls)
            samples[name] += seconds_each
    case = f"conv2d forward, {count:,} multiply-adds"
    records = [{"case": case, "pass": "forward", "variant": n, "samples": s} for n, s in samples.items()]
    document = results.document("emulated", records, {"beside": other.name, "count": count, **options}, with_peak=False)
    return document, [table(document)]


def _ask(root: Path, calls: int) -> tuple[int, list[float]]:
    child = str(Path(__file__).with_name("emulated_child.py"))
    done = subprocess.run(
        [sys.executable, child, str(calls)],
        cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeError(f"emulated --beside: {root.name} failed: {last}")
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def table(document: dict[str, Any]) -> Table:
    """Both medians as multiply-adds a second, and the ratio with its interval."""
    this, other = document["records"]
    shown = Table("The emulator beside another checkout's", ["", "this", "other", "times as fast"])
    middle, low, high = merit.ratio(other["samples"], this["samples"], paired=True)
    speeds = (f"{document['options']['count'] / merit.median(r['samples']) / 1e6:.1f} M/s" for r in (this, other))
    shown.add(this["case"], *speeds, f"{middle:.2f} ({low:.2f} to {high:.2f})")
    shown.notes.append(machine_line(document))
    return shown
