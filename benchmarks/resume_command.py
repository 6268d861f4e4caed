"""`resume`: what a backup after every epoch costs, on the document's network, beside the same training without one."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import results, sampling
from benchmarks.keras_like import KerasLike
from benchmarks.protocol import data
from benchmarks.tables import Table, machine_line, tell

BATCH, STEPS, EPOCHS = 32, 60, 4
COHORTS = {"MNIST": 60_000, "PneumoniaMNIST": 4_708, "BreastMNIST": 546}  # images in an epoch


def run(effort: sampling.Effort, options: dict[str, Any]) -> tuple[dict[str, Any], list[Table]]:
    """Take turns: a few epochs with backups, a few without; the cost is the time between epochs, with less without."""
    import convnet

    made, found = KerasLike(convnet), {"with": [], "without": [], "step": [], "begin": []}  # type: dict[str, list[float]]
    x, y = data(BATCH, STEPS)
    size = 0
    with tempfile.TemporaryDirectory() as place:
        for round_ in range(effort.rounds + 1):
            tell(f"round {round_}")
            for which in ("with", "without") if round_ % 2 else ("without", "with"):
                clock = make_clock(convnet)
                backup = convnet.callbacks.BackupAndRestore(Path(place) / "b", delete_checkpoint=False)
                used = [backup] if which == "with" else []
                start = time.perf_counter()
                made.model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=[*used, clock])
                if round_:  # the first one warms up
                    found[which] += clock.between
                    found["step"] += [s / STEPS for s in clock.epochs[1:]]
                if used:
                    found["begin"].append(clock.began - start)
                    size = backup.file.stat().st_size
                    backup.remove()
    middle = {name: statistics.median(values) for name, values in found.items()}
    cost = middle["with"] - middle["without"]
    record = {"name": "resume", "samples": found, "median": middle, "cost_s": cost, "bytes": size}
    document = results.document("resume", [record], options, with_peak=False)
    return document, [table(document, record)]


def table(document: dict[str, Any], record: dict[str, Any]) -> Table:
    """Return the share of training time that a backup after every epoch takes, by the images in an epoch."""
    step, cost = record["median"]["step"], record["cost_s"]
    made = Table(
        "A backup after every epoch, the document's network", ["images in an epoch", "epoch, s", "backup, ms", "share"]
    )
    for name, images in COHORTS.items():
        epoch = step * -(-images // BATCH)
        made.add(f"{name}, {images:,}", f"{epoch:.2f}", f"{1e3 * cost:.1f}", f"{cost / epoch:.1%}")
    made.notes += [
        f"the backup has {record['bytes'] / 1e6:.1f} MB: parameters, Adam's moments, the best epoch's parameters",
        f"a step of {BATCH} images takes {1e3 * step:.2f} ms; the epoch is as many steps",
        "the backup's time is that between two epochs with backups, less that without, medians of runs taken in turns",
        machine_line(document),
    ]
    return made


def make_clock(convnet: Any) -> Any:
    """Return a callback that takes the seconds of each epoch, and those between two epochs."""

    class Clock(convnet.callbacks.Callback):
        def __init__(self) -> None:
            self.epochs: list[float] = []
            self.between: list[float] = []
            self.ended = self.began = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.start = time.perf_counter()
            if epoch:
                self.between.append(self.start - self.ended)
            else:
                self.began = self.start

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.ended = time.perf_counter()
            self.epochs.append(self.ended - self.start)

    return Clock()
