"""Ask a student's functions for their results on the problems of each aspect, and compare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from kernels.verify.problem import Operation, Problem, exact
from kernels.verify.properties import Broken, raise_first, results
from kernels.verify.rounding import Limit, unit

NEAR = 1e-4  # of an integer result, relative to the largest: what a transform in float32 may leave
TRANSFORM = 64  # units of rounding that a Fourier transform may leave, of the largest sum in an image or a kernel


class Student(Protocol):
    """Functions of a student, wherever they run."""

    def has(self, name: str) -> bool:
        """Return whether there is a pass of this name."""

    def call(self, name: str, args: tuple, settings: dict[str, Any]) -> Any:
        """Run a pass."""


@dataclass
class Result:
    """What one pass makes of one aspect: of how many problems, how many it solves, and the first that it does not."""

    name: str
    aspect: str
    total: int
    held: int = 0
    problem: Problem | None = None
    broken: Broken | None = None

    @property
    def solved(self) -> bool:
        """Whether all problems are solved."""
        return self.held == self.total


@dataclass
class Assessment:
    """All results, pass by pass and aspect by aspect; `missing` are passes that the file does not define."""

    results: list[Result] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def solved(self) -> bool:
        """Whether everything that is asked for is right."""
        return not self.missing and bool(self.results) and all(r.solved for r in self.results)

    @property
    def first(self) -> Result | None:
        """The first result that is not right: the simplest."""
        return next((r for r in self.results if not r.solved), None)


def assess(
    op: Operation, student: Student, passes: Iterable[str], problems: dict[str, list[Problem]], *, all_of: bool = True
) -> Assessment:
    """Compare every pass on every aspect. `all_of`: go on within an aspect after a problem that is not solved."""
    found = Assessment()
    for name in passes:
        if not student.has(name):
            found.missing.append(name)
            continue
        for aspect, some in problems.items():
            result = Result(name, aspect, len(some))
            for p in some:
                broken = find_fault(op, student, name, p)
                if broken is None:
                    result.held += 1
                elif result.broken is None:
                    result.problem, result.broken = p, broken
                if broken is not None and not all_of:
                    break
            found.results.append(result)
    return found


def find_fault(op: Operation, student: Any, name: str, p: Problem) -> Broken | None:
    """Return what is wrong with a pass on a problem: small integers are rounded, all else has its rounding bound."""
    try:
        actual = results(op, student, name, p)
        if is_integral(op, p):
            for result, a, e in zip(op.passes[name], actual, exact(op, name, p), strict=True):
                size = NEAR * max(1.0, float(np.abs(e).max(initial=0)))
                with np.errstate(invalid="ignore"):
                    raise_first("the numbers are right", result, a, e, ~(np.abs(a.astype(float) - e) <= size))
            return None
        for result, a, e, limit in zip(op.passes[name], actual, exact(op, name, p), op.limits(name, p), strict=True):
            with np.errstate(invalid="ignore"):
                wrong = ~(np.abs(a.astype(float) - e) <= limit.bound + _transform(op, result, limit))
            raise_first("within the rounding bound", result, a, e, wrong)
    except Broken as broken:
        return broken
    return None


def _transform(op: Operation, result: str, limit: Limit) -> Any:
    """Return how far off a convolution by Fourier transforms may be: in proportion to the image's largest number."""
    if op.name != "conv2d" or limit.magnitude.ndim != 4:
        return 0.0
    plane = (0, 1) if result == "dk" else (1, 2)
    return TRANSFORM * unit(np.float32) * limit.magnitude.max(plane, keepdims=True)


def is_integral(op: Operation, p: Problem) -> bool:
    """Return whether all numbers of a problem are small integers, as are its results."""
    floats = [a for a in p.arrays.values() if a.dtype.kind == "f"]
    return op.is_exact(p) and all(np.array_equal(a, np.rint(a)) and np.abs(a).max(initial=0) < 2**20 for a in floats)
