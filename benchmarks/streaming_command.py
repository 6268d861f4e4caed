"""A cohort larger than memory: how fast files are read in workers, and how much memory it takes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.tables import Table

ROOT = Path(__file__).resolve().parent.parent
MB = 1e6


def write(folder: Path, files: int) -> None:
    """Small CT files (28 x 28), one a patient: the embedded study with so many images."""
    from convnet.data.phantom import Study

    if not (folder / "labels.csv").exists():
        Study(train=files - 2 * (files // 10), val=files // 10, test=files // 10).write(folder)


def child(step: str, folder: Path, size: int) -> dict[str, Any]:
    """One step in a process of its own, for its own peak of memory."""
    command = [sys.executable, "-m", "benchmarks.streaming_child", step, str(folder), str(size)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{step}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def run(files: int, size: int, folder: Path | None) -> tuple[dict[str, Any], list[Table]]:
    """Write the files, read them twice, take every image once in random batches; then what a worker costs a file."""
    with tempfile.TemporaryDirectory() as place:
        root = folder or Path(place) / "study"
        write(root, files)
        os.environ["FORMULA_CONVNET_IMAGES"] = str(Path(place) / "images")
        rows = {step: child(step, root, size) for step in ("decode", "again", "batches", "files")}
    decoded = files * size * size * 4
    table = Table(
        f"{files} files of 28 x 28 pixels as images of {size} x {size}, {decoded / MB:.0f} MB of float32",
        ["step", "seconds", "files/s", "peak memory, MB", "a worker's, MB"],
    )
    names = {
        "decode": "read and decode all, in workers, to disk",
        "again": "the same again: all are known",
        "batches": "open, then every image once, 32 at random",
    }
    for step, name in names.items():
        r = rows[step]
        worker = f"{r['worker'] / MB:.0f}" if r["worker"] else "none started"
        table.add(name, f"{r['seconds']:.1f}", f"{files / r['seconds']:.0f}", f"{r['peak'] / MB:.0f}", worker)
    cost = Table("What a worker costs a file: ms, median of rounds taken in turns", ["how", "ms"])
    for name, some in rows["files"]["s"].items():
        cost.add(name, f"{1e3 * statistics.median(some):.2f}")
    case = f"{files} files, {size} x {size}"
    records = [
        {"case": case, "pass": step, "variant": "cpu", "samples": [r["seconds"]], "peak_bytes": r["peak"]}
        for step, r in rows.items()
        if step in names
    ]
    records += [{"case": case, "pass": "file", "variant": how, "samples": s} for how, s in rows["files"]["s"].items()]
    return results.document("streaming", records, {"files": files, "size": size}, with_peak=False), [table, cost]
