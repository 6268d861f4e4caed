"""`scaling`: how conv2d's time grows with each size, as the exponent of a power law, and shrinks with threads."""

from __future__ import annotations

from typing import Any

from benchmarks import counting, kernels_command, results, sampling
from benchmarks import figures_of_merit as merit
from benchmarks.cases import Conv
from benchmarks.tables import Table, machine_line, seconds
from benchmarks.tasks import PASSES, ConvProblem

BASE = {"batch": 8, "side": 28, "channels": 32, "filters": 32}
STEPS = {
    "batch": (2, 4, 8, 16, 32),
    "side": (14, 20, 28, 40, 56),
    "channels": (8, 16, 32, 64, 128),
    "filters": (8, 16, 32, 64, 128),
}


def case(sizes: dict[str, int], name: str) -> Conv:
    """A 3x3 convolution with padding 1."""
    n, s, c, f = (sizes[key] for key in ("batch", "side", "channels", "filters"))
    return Conv(name, (n, s, s, c), (3, 3, c, f), padding=1)


def run(effort: sampling.Effort, options: dict[str, Any]) -> tuple[dict, list[Table]]:
    """Each size varied by itself around BASE, then the threads."""
    import numba

    records = []
    for what, values in STEPS.items():
        for value in values if effort.rounds > 3 else values[:2]:
            records += _measure(case({**BASE, what: value}, f"{what} {value}"), effort, what, value)
    most = numba.get_num_threads()
    for threads in sorted({1, *(2**e for e in range(10) if 2**e <= most), most}):
        numba.set_num_threads(threads)
        records += _measure(case(BASE, f"threads {threads}"), effort, "threads", threads)
    numba.set_num_threads(most)
    document = results.document("scaling", records, options)
    return document, [table(document)]


def _measure(problem: Conv, effort: sampling.Effort, what: str, value: int) -> list[dict[str, Any]]:
    tasks = (ConvProblem(problem).task(name) for name in PASSES)
    return [{**kernels_command.measure(t, effort), "axis": what, "value": value} for t in tasks]


def table(document: dict[str, Any]) -> Table:
    """For each axis and pass: the times, and e of time ~ size^e (of the work too: padding makes it not quite whole)."""
    made = Table(
        "Growth: 3x3, padding 1, around 8x28x28x32 * 32 filters", ["axis", "pass", "sizes", "times", "e"], words=4
    )
    for what in (*STEPS, "threads"):
        for name in PASSES:
            found = [e for e in document["records"] if e["axis"] == what and e["pass"] == name]
            sizes, times = [e["value"] for e in found], [merit.median(e["samples"]) for e in found]
            e = f"{merit.exponent(sizes, times):.2f}" if len(sizes) > 1 else ""
            made.add(what, name, " ".join(map(str, sizes)), "  ".join(map(seconds, times)), e)
    flops = counting.conv_flops(case(BASE, ""))
    made.notes += [f"The middle of each axis is {flops / 1e6:.0f} MFLOP.", machine_line(document)]
    return made
