"""What is timed: one pass of one case on fixed arrays, able to say whether its result is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks import counting
from benchmarks.cases import Conv
from benchmarks.errors import WrongResultError
from kernels import conv2d, targets

PASSES = ("forward", "backward_data", "backward_weights")
EXACT = 2**24  # integers below this are exact in float32, and so is every sum of them in any order


@dataclass
class Task:
    """`run()` computes into arrays of its own; `results()` shows them as NumPy arrays in our layout."""

    case: str
    name: str  # of the pass
    run: Callable[[], Any]
    results: Callable[[], tuple[np.ndarray, ...]]
    exact: Callable[[], tuple[np.ndarray, ...]]  # float64
    bounds: Callable[[], tuple[Any, ...]] | None  # allowed |error|; None: bit for bit
    flops: int
    bytes: int
    variant: str = "cpu"
    extra: dict[str, Any] = field(default_factory=dict)  # goes into the record
    inputs: dict[str, Any] = field(default_factory=dict)  # what a peer computes on
    reset: Callable[[], None] | None = None  # of an update in place: back to where it starts

    @property
    def intensity(self) -> float:
        """FLOP per byte."""
        return self.flops / self.bytes

    def verify(self, moment: str) -> None:
        """Compute once more, and raise WrongResultError unless every number is right."""
        if self.reset:
            self.reset()
        else:
            for spot in self.results():
                if spot.flags.writeable:
                    spot[...] = 99  # what an earlier run left must not pass for a result
        self.run()
        compare(f"{self.case}, {self.name}, {self.variant}, {moment} timing", self)


def compare(what: str, task: Task) -> None:
    """Raise WrongResultError unless the task's arrays are the exact ones, or within their bounds."""
    exact = task.exact()
    bounds = task.bounds() if task.bounds else (0.0,) * len(exact)
    for actual, wanted, bound in zip(task.results(), exact, bounds, strict=True):
        error = np.abs(actual.astype(float) - wanted)
        if actual.shape != wanted.shape or not np.all(error <= bound):
            raise WrongResultError(f"{what}: wrong result, off by up to {np.max(error):.3g}; it is not timed")


class ConvProblem:
    """Arrays of small integers for a case, and the exact results of its passes.

    Integers make every product and sum exact, so that any order of summation must give the same bits.
    """

    def __init__(self, case: Conv, seed: int = 0) -> None:
        self.case = case
        self.y_shape = counting.output_shape(case)
        positions = self.y_shape[0] * self.y_shape[1] * self.y_shape[2]
        limit = 3 if 9 * max(positions, case.k[0] * case.k[1] * max(case.k[2:])) < EXACT else 1
        rng = np.random.default_rng(seed)
        shapes = (case.x, case.k, (case.k[3],), self.y_shape)
        numbers = (rng.integers(-limit, limit + 1, s).astype(np.float32) for s in shapes)
        self.x, self.k, self.b, self.dy = (targets.to_device(a, "cpu") for a in numbers)  # as in a model's plan

    def call(self, name: str, variant: str, dtype: type, out: Any = None) -> Any:
        """One pass by kernels.conv2d."""
        x, k, b, dy = (a.astype(dtype, copy=False) for a in (self.x, self.k, self.b, self.dy))
        settings = {**self.case.settings, "variant": variant, "out": out}
        if name == "forward":
            return conv2d.forward(x, k, b, **settings)
        if name == "backward_data":
            return conv2d.backward_data(dy, k, x.shape, **settings)
        return conv2d.backward_weights(x, dy, k.shape, **settings)

    def exact(self, name: str) -> tuple[np.ndarray, ...]:
        """The results in float64 by `cpu_naive`, the compiled formula; computed once."""
        return getattr(self, f"_{name}")

    @cached_property
    def _forward(self) -> tuple[np.ndarray, ...]:
        return (self.call("forward", "cpu_naive", np.float64),)

    @cached_property
    def _backward_data(self) -> tuple[np.ndarray, ...]:
        return (self.call("backward_data", "cpu_naive", np.float64),)

    @cached_property
    def _backward_weights(self) -> tuple[np.ndarray, ...]:
        return tuple(self.call("backward_weights", "cpu_naive", np.float64))

    def empty(self, name: str) -> Any:
        """Room for a pass's result."""
        if name == "forward":
            return targets.empty(self.y_shape, np.float32, "cpu")
        if name == "backward_data":
            return targets.empty(self.case.x, np.float32, "cpu")
        return tuple(targets.empty(s, np.float32, "cpu") for s in (self.case.k, self.case.k[3:]))

    def task(self, name: str, variant: str = "cpu", allocate: bool = False) -> Task:
        """A pass of one of our variants; allocate: into new arrays each time, as PyTorch does."""
        held = {"out": self.empty(name)}

        def run() -> None:
            held["out"] = self.call(name, variant, np.float32, None if allocate else held["out"])

        def results() -> tuple[np.ndarray, ...]:
            return held["out"] if isinstance(held["out"], tuple) else (held["out"],)

        return self.wrap(name, variant, run, results)

    def wrap(self, name: str, variant: str, run: Callable, results: Callable) -> Task:
        """Somebody's implementation of a pass as a task with this problem's exact results and counts."""
        flops, moved = counting.conv_flops(self.case), counting.conv_bytes(self.case, name)
        return Task(self.case.name, name, run, results, lambda: self.exact(name), None, flops, moved, variant)


def conv_tasks(case: Conv, passes: tuple[str, ...] = PASSES) -> Iterator[Task]:
    """The passes of the default variant."""
    problem = ConvProblem(case)
    for name in passes:
        yield problem.task(name)
