"""`kernels`: every case and pass of ours, verified, timed and verified again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks import figures_of_merit as merit
from benchmarks import peaks, quiet, results, sampling
from benchmarks.tables import Table, disturbed, machine_line, seconds
from benchmarks.tasks import Task


def measure(task: Task, effort: sampling.Effort) -> dict[str, Any]:
    """The record of one task; raises where a result is wrong or a figure impossible."""
    jit = sampling.first_call(task.run)
    task.verify("before")
    samples, others = quiet.undisturbed(lambda: sampling.samples_of(task.run, effort), effort.attempts)
    task.verify("after")
    entry = results.record(task, samples, first_call=jit, others=others)
    results.check_possible(entry)
    return entry


def run(tasks: Iterable[Task], effort: sampling.Effort, options: dict[str, Any]) -> tuple[dict, list[Table]]:
    """Measure all tasks: the document and its table."""
    peaks.fma()
    document = results.document("kernels", [measure(task, effort) for task in tasks], options)
    return document, [table(document)]


def table(document: dict[str, Any]) -> Table:
    columns = ["case", "pass", "first call", "median", "quartiles", "GFLOP/s", "GB/s", "FLOP/byte", "% of peak"]
    made = Table("Kernels", columns, words=2)
    peak = document["peak"]["gflops"]
    for e in document["records"]:
        low, high = (seconds(q) for q in merit.quartiles(e["samples"]))
        rate = results.gflops(e)
        cells = (seconds(e["first_call"]), seconds(merit.median(e["samples"])), f"{low} - {high}", f"{rate:.1f}")
        rest = (f"{results.gigabytes(e):.1f}", f"{e['flops'] / e['bytes']:.2f}", f"{100 * rate / peak:.0f}")
        made.add(e["case"], e["pass"], *cells, *rest)
    made.notes += [machine_line(document), *disturbed(document)]
    return made
