"""`peers`: our kernels and PyTorch's in one process, in turn; the ratio of their medians with its interval."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks import figures_of_merit as merit
from benchmarks import quiet, results, sampling
from benchmarks.tables import Table, disturbed, machine_line, seconds
from benchmarks.tasks import Task


def measure(ours: Task, theirs: Task, effort: sampling.Effort) -> list[dict[str, Any]]:
    """Two records, whose samples were taken in turn."""
    for task in (ours, theirs):
        task.verify("before")
    runs = {t.variant: t.run for t in (ours, theirs)}
    samples, others = quiet.undisturbed(lambda: sampling.interleave(runs, effort), effort.attempts)
    entries = []
    for task in (ours, theirs):
        task.verify("after")
        entries.append(results.record(task, samples[task.variant], others=others))
        results.check_possible(entries[-1])
    return entries


def run(
    pairs: Iterable[tuple[Task, Task]], effort: sampling.Effort, options: dict[str, Any]
) -> tuple[dict[str, Any], list[Table]]:
    """Measure all pairs: the document and its tables."""
    records = [entry for ours, theirs in pairs for entry in measure(ours, theirs, effort)]
    document = results.document("peers", records, options)
    return document, tables(document)


def tables(document: dict[str, Any]) -> list[Table]:
    """One line a case and pass, and a summary by pass."""
    columns = [
        "case",
        "pass",
        "ours",
        "PyTorch",
        "its layout",
        "ours GFLOP/s",
        "PyTorch GFLOP/s",
        "ours/PyTorch",
        "95 %",
        "",
    ]
    table = Table("Ours and PyTorch; a ratio of times below 1 means that ours is faster", columns, words=2)
    records = document["records"]
    found: dict[str, list[tuple[float, float, float]]] = {}
    for a, b in zip(records[::2], records[1::2], strict=True):
        value, low, high = merit.ratio(a["samples"], b["samples"], paired=True)
        found.setdefault(a["pass"], []).append((value, low, high))
        times = (seconds(merit.median(e["samples"])) for e in (a, b))
        rates = (f"{results.gflops(e):.1f}" for e in (a, b))
        interval = f"{low:.2f} - {high:.2f}"
        mark = merit.verdict(low, high)
        table.add(a["case"], a["pass"], *times, b.get("layout", ""), *rates, f"{value:.2f}", interval, mark)
    table.notes += [machine_line(document), *disturbed(document)]
    return [table, summary(found)]


def summary(found: dict[str, list[tuple[float, float, float]]]) -> Table:
    """Geometric mean of the ratios, and on how many shapes the whole interval lies below, or above, 1."""
    columns = ["pass", "shapes", "geometric mean", "faster", "undecided", "slower", "slowest ratio"]
    table = Table("By pass", columns)
    everything = [r for ratios in found.values() for r in ratios]
    for name, ratios in (*found.items(), ("all", everything)):
        verdicts = [merit.verdict(low, high) for _, low, high in ratios]
        counts = [verdicts.count(v) for v in ("faster", "undecided", "slower")]
        values = [r[0] for r in ratios]
        table.add(name, len(ratios), f"{merit.geometric_mean(values):.3f}", *counts, f"{max(values):.2f}")
    return table
