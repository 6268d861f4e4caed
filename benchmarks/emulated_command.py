"""`emulated`: a training step of the listing on the emulated GPU: how long it takes here, and what each kernel does.

The seconds are the emulator's, on this machine's processor: they say what a check costs in CI, and nothing of a GPU.
The counts are those of the compiled code: warp instructions, sectors of memory and the share of them that was asked
for, bank conflicts.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

from benchmarks import results
from benchmarks.tables import Table, machine_line, seconds, tell


def run(batch: int, options: dict[str, Any]) -> tuple[dict, list[Table]]:
    """The document and its table; RuntimeError where the emulator's compiler is missing."""
    import convnet
    from benchmarks.keras_like import KerasLike
    from benchmarks.protocol import data
    from kernels import device

    x, y = data(batch, 1)
    model = KerasLike(convnet).model
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", target="cuda-emulated")
    reports: list[Any] = []
    device.on_report.append(reports.append)
    samples = []
    try:
        for step in range(1 + options["steps"]):
            tell(f"step {step}" + (": compiles" if step == 0 else ""))
            reports.clear()
            start = time.perf_counter()
            model.train_on_batch(x, y)
            samples.append(time.perf_counter() - start)
    finally:
        device.on_report.remove(reports.append)
    record = {
        "case": f"listing, batch {batch}",
        "pass": "training step",
        "variant": "cuda-emulated",
        "samples": samples[1:],
        "first": samples[0],
        "kernels": _by_kernel(reports),
    }
    document = results.document("emulated", [record], {"batch": batch, **options}, with_peak=False)
    return document, [table(document)]


def _by_kernel(reports: list[Any]) -> dict[str, dict[str, int]]:
    """kernel -> its counts over all launches of a step."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for r in reports:
        counts = {"launches": 1, "instructions": r.instructions, "sectors": r.sectors, "bytes": r.bytes}
        for name, value in (counts | {"wavefronts": r.wavefronts, "conflicts": r.conflicts}).items():
            found[r.kernel][name] += value
    return {kernel: dict(counts) for kernel, counts in found.items()}


def table(document: dict[str, Any]) -> Table:
    """A line a kernel, and the step's seconds below."""
    (record,) = document["records"]
    made = Table(
        f"A training step on the emulated GPU: {record['case']}",
        ("kernel", "launches", "warp instructions", "sectors moved", "of them asked for", "bank conflicts"),
    )
    for kernel, c in record["kernels"].items():
        # above 100 % where threads share what they read
        share = f"{100 * c['bytes'] / (32 * c['sectors']):.0f} %" if c["sectors"] else ""
        made.add(kernel, c["launches"], f"{c['instructions']:,}", f"{c['sectors']:,}", share, f"{c['conflicts']:,}")
    middle = sorted(record["samples"])[len(record["samples"]) // 2]
    first = f"{seconds(record['first'])}, with the compilation of kernels, and of the emulator where it was not cached"
    made.notes += [
        f"{seconds(middle)} a step on the CPU, every access checked; the first took {first}",
        machine_line(document),
    ]
    return made
