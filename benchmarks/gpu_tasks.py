"""What `gpu` times: every pass of the static report's cases, on a GPU with TIMES as many images, elsewhere tiny ones.

The oracle is the CPU's default kernel in float64, which `convnet verify` holds to the reference: plain loops over
arrays that keep a GPU busy would take hours.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks import counting, static_report
from benchmarks.cases import Conv
from benchmarks.static_cases import CASES
from benchmarks.static_command import TIMES
from benchmarks.tasks import Task
from kernels import registry, targets
from kernels.verify.operations import load_operations
from kernels.verify.problem import Operation, Problem, exact

TINY = {"N": 2, "H": 5, "W": 5, "M": 260}  # what an emulated case has at most; channels stay, and with them the kernel


@dataclass(frozen=True)
class Timed:
    """One pass of one case. `geometry` is that of the static report, `p` has `times` as many images."""

    operation: Operation
    name: str
    case: str
    geometry: dict[str, int]
    times: int
    p: Problem

    @property
    def label(self) -> str:
        return f"{self.operation.name} {self.name}"


def chosen(only: str | None) -> list[tuple[str, str, list[str]]]:
    """(operation, case, passes) of those whose label and case contain `only`; ValueError if there is none."""
    found = []
    for op, cases in CASES.items():
        for case in cases:
            names = [n for n in load_operations()[op].passes if only is None or only in f"{op} {n}, {case}"]
            found += [(op, case, names)] if names else []
    if not found:
        raise ValueError(f"--only {only}: no pass of a CUDA variant has this in its name")
    return found


def timed(only: str | None, tiny: bool) -> Iterator[Timed]:
    """Each of these passes, one case's arrays in memory at a time."""
    operations = load_operations()
    for op, case, names in chosen(only):
        operation, g, times = operations[op], CASES[op][case], TIMES
        if tiny:
            g, times = operation.fit({n: min(v, TINY.get(n, v)) for n, v in g.items()}), 1
        p = operation.problem(static_report.more(g, times), np.float32, "random", 0, "cpu")
        yield from (Timed(operation, name, case, g, times, p) for name in names)


def task(t: Timed, variant: str, target: str) -> tuple[Task, Callable[[], Any]]:
    """The pass by a variant on arrays of the target; and the same with the way there and back, as a function."""
    args, settings = t.operation.arguments(t.name, t.p)
    call = getattr(import_module(f"kernels.{t.operation.name}"), t.name)
    parameters = list(inspect.signature(registry.find(t.operation.name, "reference", t.name)).parameters)
    inputs = {n: a for n, a in zip(parameters, args, strict=False) if isinstance(a, np.ndarray)}
    shapes = [(a.shape, t.p.dtype if a.dtype.kind == "f" else a.dtype) for a in exact(t.operation, t.name, t.p)]
    update = t.name == "update"

    def there() -> list[Any]:
        return [targets.to_device(a, target) if isinstance(a, np.ndarray) else a for a in args]

    held = there()
    out = [held[0], *held[2:]] if update else [targets.empty(s, d, target) for s, d in shapes]
    poison = [] if update else [np.full(s, 99, d) for s, d in shapes]

    def run() -> None:
        more = {} if update else {"out": out[0] if len(out) == 1 else tuple(out)}
        call(*held, **settings, variant=variant, **more)

    def with_transfers() -> None:
        given = there()
        made = call(*given, **settings, variant=variant)
        made = (given[0], *given[2:]) if update else made if isinstance(made, tuple) else (made,)
        for array in made:
            targets.to_host(np.asarray(array) if target == "cpu" else array)

    def reset() -> None:
        for to, array in zip(out, [args[0], *args[2:]] if update else poison, strict=True):
            targets.copy(to, array)

    limits = lambda: tuple(limit.bound for limit in t.operation.limits(t.name, t.p))  # noqa: E731
    moved = sum(a.nbytes for a in inputs.values()) + sum(int(np.prod(s)) * np.dtype(d).itemsize for s, d in shapes)
    made = Task(
        f"{t.operation.name}, {t.case}", t.name, run, lambda: tuple(map(targets.to_host, out)),
        lambda: exact(t.operation, t.name, t.p), limits, flops(t), moved, variant, inputs=inputs, reset=reset,
    )  # fmt: skip
    return made, with_transfers


def flops(t: Timed) -> int:
    """Operations of conv2d and dense as the formula has them; 0 of the others, which wait for memory."""
    if t.operation.name == "dense":
        return 2 * t.operation.work(t.p)
    return counting.conv_flops(conv(t)) if t.operation.name == "conv2d" else 0


def conv(t: Timed) -> Conv:
    """A convolution's case as the other benchmarks name it."""
    s = t.p.settings
    same = s["stride"][0], s["dilation"][0]
    return Conv(t.case, t.p["x"].shape, t.p["k"].shape, same[0], s["padding"], same[1], s["groups"])
