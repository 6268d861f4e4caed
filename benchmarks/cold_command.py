"""`cold`: what a user waits for before anything is warm, from a process's start to its end."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import figures_of_merit as merit
from benchmarks import results
from benchmarks.machine import ROOT
from benchmarks.tables import Table, machine_line, seconds, tell

ROUNDS = 5


def run(rounds: int, options: dict[str, Any]) -> tuple[dict, list[Table]]:
    """Each in fresh processes with a cache folder of its own; RuntimeError with the child's last words if it fails."""
    records = []
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.safetensors"
        for case, do, times, fresh in (
            ("import convnet", "import", rounds, False),
            ("two training steps of the listing, nothing compiled yet", "train", max(1, rounds // 2), True),
            ("the same with the cache filled", "train", rounds, False),
            ("load the weights and predict one image, cache filled", "predict", rounds, False),
        ):
            tell(case)
            samples = []
            for number in range(times + (not fresh)):
                cache = Path(folder) / (f"cache {number}" if fresh else "cache 0")
                samples.append(seconds_of(do, model, cache))
            # the first one of those that find the cache filled only fills what is missing
            records.append({"case": case, "pass": "cold", "variant": "ours", "samples": samples[not fresh :]})
    document = results.document("cold", records, options, with_peak=False)
    return document, [table(document)]


def seconds_of(do: str, model: Path, cache: Path, root: Path = ROOT) -> float:
    """Seconds of one fresh process of the checkout at `root`, from its start to its end."""
    env = {**os.environ, "FORMULA_CONVNET_CACHE": str(cache), "PYTHONPATH": str(root)}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cold_child", do, str(model)],
        env=env,
        cwd=root,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{do}: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
    return time.perf_counter() - start


def table(document: dict[str, Any]) -> Table:
    """The median of each, and the longest."""
    made = Table("Cold: from the start of a process to its end", ["", "median", "longest"])
    for record in document["records"]:
        made.add(record["case"], seconds(merit.median(record["samples"])), seconds(max(record["samples"])))
    made.notes.append(machine_line(document))
    return made
