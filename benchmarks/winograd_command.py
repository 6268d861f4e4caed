"""`ladder --winograd`: conv2d's rung of fewer multiplications beside `cpu`, in turn: what it gains, and what it costs.

Only 3x3 kernels with stride 1 have it. It executes fewer operations than the formula has, so both are counted: what it
executed must fit under the roof, and "as the formula's" is what `cpu` would have needed to take as long.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks import counting, peaks, quiet, results, sampling, tasks
from benchmarks import figures_of_merit as merit
from benchmarks.cases import CONV, Conv
from benchmarks.peers_command import summary
from benchmarks.tables import Table, disturbed, is_disturbed, machine_line, seconds, tell
from kernels import conv2d, registry
from kernels.conv2d.cpu_winograd import square
from kernels.verify.operations.conv2d import Conv2D
from kernels.verify.problem import Problem

DIRECT, WINOGRAD = "cpu", "cpu_winograd"
FEWEST = 16  # channels and filters: with fewer it pays nowhere


def has_winograd(case: Conv) -> bool:
    """Is it a case that the variant has, and that has channels enough?"""
    plain = (case.stride, case.dilation, case.groups) == (1, 1, 1)
    return plain and case.k[:2] == (3, 3) and min(case.k[2:]) >= FEWEST


CASES = tuple(c for c in CONV if has_winograd(c))


def run(cases: tuple[Conv, ...], effort: sampling.Effort, options: dict[str, Any]) -> tuple[dict, list[Table]]:
    """Measure both variants in turn in every pass of every case."""
    peaks.fma()
    records = [e for case in cases for name in tasks.PASSES for e in measure(tasks.ConvProblem(case), name, effort)]
    document = results.document("ladder --winograd", records, options)
    return document, tables(document)


def measure(problem: tasks.ConvProblem, name: str, effort: sampling.Effort) -> list[dict[str, Any]]:
    """The records of `cpu` and `cpu_winograd`, whose samples were taken in turn."""
    both = {DIRECT: problem.task(name, DIRECT), WINOGRAD: task(problem, name)}
    for t in both.values():
        t.verify("before")
    runs = {variant: t.run for variant, t in both.items()}
    samples, others = quiet.undisturbed(lambda: sampling.interleave(runs, effort), effort.attempts)
    records = []
    for variant, t in both.items():
        t.verify("after")
        ulp = worst_ulp(problem.case, name, variant)
        records.append(results.record(t, samples[variant], others=others, ulp=ulp))
        results.check_possible(records[-1])
    value, low, high = merit.ratio(*(samples[v] for v in (WINOGRAD, DIRECT)), paired=True)
    tell(f"{problem.case.name}, {name}: {value:.2f} ({low:.2f} - {high:.2f}) of the direct kernel's time")
    return records


def task(problem: tasks.ConvProblem, name: str) -> tasks.Task:
    """A pass by cpu_winograd: within its own bound, and counted by what it executes."""
    arrays = {"x": problem.x, "k": problem.k, "b": problem.b, "dy": problem.dy}

    def bounds() -> tuple[np.ndarray, ...]:
        own = registry.OWN_BOUNDS["conv2d", WINOGRAD]
        limits = Conv2D().own_limits(name, Problem({}, arrays, problem.case.settings, "cpu_naive"), own)
        return tuple(limit.bound for limit in limits)

    extra = {"formula": counting.conv_flops(problem.case), "square": square(problem.case.k)}
    made = problem.task(name, WINOGRAD)
    return replace(made, bounds=bounds, flops=executed(problem.case, name), extra=extra)


def executed(case: Conv, name: str) -> int:
    """Operations of its products of transforms; those of the transforms, some additions, come on top."""
    _, h, w, _ = case.x if name == "backward_data" else counting.output_shape(case)
    m = square(case.k)
    return 2 * (m + 2) ** 2 * case.x[0] * -(-h // m) * -(-w // m) * case.k[2] * case.k[3]


def worst_ulp(case: Conv, name: str, variant: str) -> float:
    """The largest error, in ulp of the exact result, on positive numbers: no sum cancels, it is all the kernel's."""
    rng = np.random.default_rng(2)
    x, k, dy = (rng.random(s, np.float32) for s in (case.x, case.k, counting.output_shape(case)))
    found, exact = (
        _pass(name, case, v, *(a.astype(t) for a in (x, k, dy))) for v, t in ((variant, "f4"), ("cpu", "f8"))
    )
    return float(np.max(np.abs(found - exact) / np.spacing(exact.astype(np.float32))))


def _pass(name: str, case: Conv, variant: str, x: np.ndarray, k: np.ndarray, dy: np.ndarray) -> np.ndarray:
    settings = {**case.settings, "variant": variant}
    if name == "forward":
        return conv2d.forward(x, k, **settings)
    if name == "backward_data":
        return conv2d.backward_data(dy, k, x.shape, **settings)
    return conv2d.backward_weights(x, dy, k.shape, **settings)[0]


def tables(document: dict[str, Any]) -> list[Table]:
    """One line a case and pass, and a summary by pass."""
    columns = ["case", "pass", "m", "cpu", "Winograd", "gain", "95 %", "as GFLOP/s", "% of peak", "cpu's ulp", "ulp"]
    made = Table("conv2d by fewer multiplications, beside the direct kernel", columns, words=2)
    found: dict[str, list[tuple[float, float, float]]] = {}
    for direct, fewer in zip(document["records"][::2], document["records"][1::2], strict=True):
        times = [merit.median(e["samples"]) for e in (direct, fewer)]
        ratio = merit.ratio(fewer["samples"], direct["samples"], paired=True)
        if not is_disturbed(direct):
            found.setdefault(direct["pass"], []).append(ratio)
        gain, most, least = (1 / r for r in ratio)
        share = f"{100 * results.gflops(fewer) / document['peak']['gflops']:.0f}"
        made.add(
            direct["case"], direct["pass"], str(fewer["square"]), *map(seconds, times), f"{gain:.2f}",
            f"{least:.2f} - {most:.2f}", f"{fewer['formula'] / times[1] / 1e9:.0f}", share,
            f"{direct['ulp']:.1f}", f"{fewer['ulp']:.1f}",
        )  # fmt: skip
    made.notes.append(
        "m: F(m x m, 3x3). As GFLOP/s: the formula's operations in this time. % of peak: the operations executed. "
        "ulp: the worst error on positive numbers."
    )
    made.notes += [machine_line(document), *disturbed(document)]
    by_pass = summary(found)
    by_pass.title = "cpu_winograd's time over cpu's, by pass, without what was disturbed"
    return [made, by_pass]
