"""One step of `python -m benchmarks streaming`, in a process of its own: prints its figures as one line of JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from convnet.data import cohort, dicom
from convnet.data.preparation import Preparation
from convnet.data.reading import tasks
from convnet.data.reading.readers import Readers
from convnet.data.reading.worker import peak


def load(folder: Path, size: int) -> tuple[Any, float, int]:
    """(the cohort, seconds, the most memory of a worker)."""
    from convnet.data.reading import readers

    start = time.perf_counter()
    data = cohort.load_folder(folder, folder / "labels.csv", size=size, cache=True, strict=True)
    return data, time.perf_counter() - start, max((w.peak for w in readers._spare), default=0)


def batches(folder: Path, size: int) -> dict[str, Any]:
    start = time.perf_counter()
    x = load(folder, size)[0].x
    order = np.random.default_rng(0).permutation(len(x))
    total = sum(float(x[order[i : i + 32]].sum()) for i in range(0, len(x), 32))
    if not 0 < total < x.shape[0] * size * size:
        raise RuntimeError("images are in [0, 1]")
    return {"seconds": time.perf_counter() - start, "worker": 0}


def files(folder: Path, size: int) -> dict[str, Any]:
    """The same files in this process, through one worker, and through as many as there are processors, in turns."""
    paths = sorted(folder.rglob("*.dcm"))[:400]
    plain = Preparation(size).to_plain()
    with Readers(workers=1) as one, Readers() as several:
        ways = {
            "in this process": lambda: [dicom.read_images(p, size) for p in paths],
            "in one worker": lambda: [list(one.read(tasks.labelled_images, p, plain)) for p in paths],
            f"in {len(several.workers)} workers": lambda: [
                found for _, found in several.map(lambda p: list(several.read(tasks.labelled_images, p, plain)), paths)
            ],
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(6):
            for name, way in ways.items():
                start = time.perf_counter()
                way()
                times[name].append((time.perf_counter() - start) / len(paths))
    return {"s": {name: some[1:] for name, some in times.items()}}  # the first round warms up


def main() -> None:
    step, folder, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if step in ("decode", "again"):
        _, seconds, worker = load(folder, size)
        found: dict[str, Any] = {"seconds": seconds, "worker": worker}
    else:
        found = {"batches": batches, "files": files}[step](folder, size)
    print(json.dumps({**found, "peak": peak()}))


if __name__ == "__main__":
    main()
