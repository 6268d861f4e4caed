"""`ladder`: every variant of an operation on the same cases, slowest first; a file of one's own beside them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import figures_of_merit as merit
from benchmarks import kernels_command, op_tasks, peaks, results, sampling
from benchmarks.cases import LADDER, Conv
from benchmarks.tables import Table, machine_line, seconds
from benchmarks.tasks import ConvProblem, Task
from kernels import conv2d, registry
from kernels.verify import implementation


def run(
    kernel: Path | None, cases: tuple, effort: sampling.Effort, options: dict[str, Any]
) -> tuple[dict, list[Table]]:
    """Measure conv2d's rungs on each case, forward; with --kernel the user's `forward` as the last one."""
    peaks.fma()
    records = []
    for case in cases or LADDER:
        problem = ConvProblem(case)
        rungs = [problem.task("forward", v) for v in registry.general("conv2d", "cpu")]
        calls = {v: _registered(v) for v in registry.general("conv2d", "cpu")}
        if kernel:
            calls[kernel.stem] = load(kernel)
            rungs.append(_own(problem, kernel.stem, calls[kernel.stem]))
        for task in rungs:
            entry = kernels_command.measure(task, effort)
            records.append({**entry, "ulp": worst_ulp(case, calls[task.variant])})
    document = results.document("ladder", records, options)
    return document, [table(document)]


def run_ops(cases: tuple, effort: sampling.Effort, options: dict[str, Any]) -> tuple[dict, list[Table]]:
    """Measure every pass of the rungs of maxpool2d and dense."""
    peaks.fma()
    records = []
    for case in cases:
        rungs = [op_tasks.tasks(case, v) for v in registry.general(case.operation, "cpu")]
        for passes in zip(*rungs, strict=True):
            records += [kernels_command.measure(task, effort) for task in passes]
    document = results.document("ladder", records, options)
    return document, [ops_table(document)]


def load(path: Path) -> Callable[..., Any]:
    """`forward` of a user's file, with the signature of kernels/conv2d/reference.py, `out` optional."""
    module = implementation.load(path)
    if not hasattr(module, "forward"):
        raise ValueError(f"--kernel {path}: it has no function forward(x, k, b, *, stride, padding, dilation, groups)")
    return module.forward


def _registered(variant: str) -> Callable[..., Any]:
    return lambda x, k, b, **settings: conv2d.forward(x, k, b, **settings, variant=variant)


def _own(problem: ConvProblem, name: str, forward: Callable[..., Any]) -> Task:
    settings, y_shape = conv2d.geometry(problem.case.x, problem.case.k, **problem.case.settings)
    held = {"y": np.empty(y_shape, np.float32)}
    takes_out = "out" in inspect.signature(forward).parameters

    def run() -> None:
        if takes_out:
            forward(problem.x, problem.k, problem.b, **settings, out=held["y"])
        else:
            held["y"] = np.asarray(forward(problem.x, problem.k, problem.b, **settings))

    return problem.wrap("forward", name, run, lambda: (held["y"],))


def worst_ulp(case: Conv, forward: Callable[..., Any]) -> float:
    """The largest error, in ulp of the exact result, for positive numbers (where nothing cancels)."""
    rng = np.random.default_rng(2)
    x, k, b = (rng.random(s, np.float32) for s in (case.x, case.k, (case.k[3],)))
    settings, y_shape = conv2d.geometry(case.x, case.k, **case.settings)
    wide = (a.astype(float) for a in (x, k, b))
    exact = conv2d.forward(*wide, **settings, variant="cpu_naive")
    takes_out = "out" in inspect.signature(forward).parameters
    y = np.empty(y_shape, np.float32)
    y = (forward(x, k, b, **settings, out=y), y)[1] if takes_out else np.asarray(forward(x, k, b, **settings))
    return float(np.max(np.abs(y - exact) / np.spacing(exact.astype(np.float32))))


def table(document: dict[str, Any]) -> Table:
    columns = ["case", "variant", "median", "GFLOP/s", "% of peak", "times the rung below", "worst error, ulp"]
    made = Table("The ladder: conv2d forward, slowest variant first", columns, words=2)
    below: dict[str, float] = {}
    for e in document["records"]:
        rate, time = results.gflops(e), merit.median(e["samples"])
        gain = f"{below[e['case']] / time:.1f}" if e["case"] in below else ""
        share = f"{100 * rate / document['peak']['gflops']:.1f}"
        made.add(e["case"], e["variant"], seconds(time), f"{rate:.1f}", share, gain, f"{e['ulp']:.1f}")
        below[e["case"]] = time
    made.notes.append(machine_line(document))
    return made


def ops_table(document: dict[str, Any]) -> Table:
    columns = ["case", "pass", "variant", "median", "GFLOP/s", "GB/s", "% of peak", "times the rung below"]
    made = Table("The ladders of maxpool2d and dense, slowest variant first", columns, words=3)
    below: dict[tuple[str, str], float] = {}
    for e in document["records"]:
        rate, time, which = results.gflops(e), merit.median(e["samples"]), (e["case"], e["pass"])
        gain = f"{below[which] / time:.1f}" if which in below else ""
        rates = (f"{rate:.1f}", f"{results.gigabytes(e):.1f}", f"{100 * rate / document['peak']['gflops']:.1f}")
        made.add(*which, e["variant"], seconds(time), *rates, gain)
        below[which] = time
    made.notes.append(machine_line(document))
    return made
