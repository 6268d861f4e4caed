"""`ladder --matrix-unit`: the rungs on Intel's matrix unit beside `cpu` and PyTorch, in turn, in quiet moments."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks import amx_probe, results, sampling, tasks
from benchmarks import figures_of_merit as merit
from benchmarks.cases import CONV, Conv
from benchmarks.neighbours import Watch
from benchmarks.tables import Table, machine_line, seconds, tell
from kernels import registry
from kernels.amx import processor
from kernels.amx.instructions import TILES
from kernels.amx.sums import BLOCK

OURS = ("cpu", *registry.MATRIX_UNIT["conv2d"][::-1])
TORCH, AUTOCAST = "PyTorch", "PyTorch autocast"
PROBES = 50  # to begin with: the best of them is what fast means


def fills_tiles(case: Conv) -> bool:
    """Has the case channels and filters enough, in a group, for whole tiles?"""
    return min(case.k[2], case.k[3] // case.groups) >= BLOCK


CASES = tuple(c for c in CONV if fills_tiles(c))


def run(cases: tuple[Conv, ...], effort: sampling.Effort, options: dict[str, Any], torch: Any) -> tuple[dict, list]:
    """Measure every pass of every case; `torch` is the library, or None if it is not installed."""
    processor.require("ladder --matrix-unit", OURS[1])
    watch = Watch(amx_probe.Probe(TILES), amx_probe.FAST)
    for _ in range(PROBES):
        watch.is_fast()
    effort = replace(effort, watch=watch)
    records = [e for case in cases for name in tasks.PASSES for e in measure(case, name, effort, torch)]
    document = results.document("ladder --matrix-unit", records, options)
    document["peak"]["matrix_unit_gflops"] = watch.undisturbed()
    return document, [table(document)]


def measure(case: Conv, name: str, effort: sampling.Effort, torch: Any) -> list[dict[str, Any]]:
    """The records of all contestants in one pass, whose samples were taken in turn."""
    problem = tasks.ConvProblem(case)
    contestants = {variant: problem.task(name, variant) for variant in OURS}
    if torch is not None:
        from benchmarks import torch_conv

        contestants[TORCH] = torch_conv.task(torch, problem, name)
        contestants[AUTOCAST] = in_bfloat16(torch, contestants[TORCH])
    verified = [t for variant, t in contestants.items() if variant != AUTOCAST]  # it rounds its results to bfloat16
    for t in verified:
        t.verify("before")
    runs = {variant: t.run for variant, t in contestants.items()}
    watch = effort.watch
    assert watch is not None
    watch.tried = watch.rejected = 0  # the share is this contest's
    samples = sampling.interleave(runs, effort)
    rejected = watch.share()
    for t in verified:
        t.verify("after")
    value, low, high = merit.ratio(samples["cpu_amx"], samples["cpu"], paired=True)
    tell(f"{case.name}, {name}: {value:.2f} ({low:.2f} - {high:.2f}) of cpu's time, {100 * rejected:.0f} % rejected")
    return [results.record(t, samples[variant], rejected=rejected) for variant, t in contestants.items()]


def in_bfloat16(torch: Any, task: tasks.Task) -> tasks.Task:
    """PyTorch's task under autocast."""

    def run() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            task.run()

    return replace(task, run=run, variant=AUTOCAST)


def table(document: dict[str, Any]) -> Table:
    """Times, and how many times as fast as PyTorch's float32 (or as `cpu`, without PyTorch)."""
    base = TORCH if any(e["variant"] == TORCH for e in document["records"]) else "cpu"
    columns = ["case", "pass", "variant", "median", "GFLOP/s", f"speed of {base}'s", "rounds rejected"]
    made = Table("conv2d on the matrix unit, in quiet moments", columns, words=3)
    times = {(e["case"], e["pass"], e["variant"]): merit.median(e["samples"]) for e in document["records"]}
    gains: dict[tuple[str, str], list[float]] = {}
    for e in document["records"]:
        gain = times[e["case"], e["pass"], base] / merit.median(e["samples"])
        gains.setdefault((e["pass"], e["variant"]), []).append(gain)
        cells = seconds(merit.median(e["samples"])), f"{results.gflops(e):.0f}", f"{gain:.2f}"
        made.add(e["case"], e["pass"], e["variant"], *cells, f"{100 * e['rejected']:.0f} %")
    for (name, variant), values in gains.items():
        made.add("geometric mean", name, variant, "", "", f"{float(np.exp(np.mean(np.log(values)))):.2f}", "")
    made.notes += [
        machine_line(document),
        f"The unit in quiet moments, with loads: {document['peak']['matrix_unit_gflops']:.0f} GFLOP/s of bfloat16.",
    ]
    return made
