"""A usual mistake: what to say of it, and how to recognise it in the results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.verify.problem import Operation, Problem, as_tuple, exact

NEAR = 1e-4  # relative to the largest number


@dataclass(frozen=True)
class Case:
    """One problem that a student's pass was tried on: the right results, and those that it gave."""

    op: Operation
    name: str
    problem: Problem
    given: tuple[np.ndarray, ...]

    @property
    def right(self) -> tuple[np.ndarray, ...]:
        """The right results."""
        return exact(self.op, self.name, self.problem)

    @property
    def is_right(self) -> bool:
        """Whether the pass gave them."""
        return same(self.given, self.right)

    def run(self, **changes: Any) -> tuple[np.ndarray, ...]:
        """Return what the formula gives for other arrays or settings."""
        arrays = {n: a for n, a in changes.items() if n in self.problem.arrays}
        args, settings = self.op.arguments(self.name, self.problem.replace(**arrays))
        settings = {n: changes.get(n, value) for n, value in settings.items()}
        return as_tuple(self.op.reference(self.name)(*args, **settings))


@dataclass(frozen=True)
class Mistake:
    """What to say, and a test of a case; the test returns None if the mistake would change nothing there."""

    says: str
    test: Callable[[Case], bool | None]


def by(says: str, make: Callable[[Case], Any]) -> Mistake:
    """Return the mistake that gives the results of `make`; None, or an error, if it cannot be made in a case."""

    def test(case: Case) -> bool | None:
        try:
            wrong = make(case)
        except (ValueError, IndexError, ZeroDivisionError, TypeError):
            return None
        if wrong is None:
            return None
        wrong = as_tuple(wrong)
        if same(wrong, case.right):
            return None
        return same(case.given, wrong)

    return Mistake(says, test)


def relation(says: str, holds: Callable[[np.ndarray, np.ndarray], bool | None]) -> Mistake:
    """Return the mistake that shows in one result, given and right; all others are right, or wrong in the same way."""

    def test(case: Case) -> bool | None:
        if len(case.given) != len(case.right):
            return False
        wrong = [(a, e) for a, e in zip(case.given, case.right, strict=True) if not same((a,), (e,))]
        found = [holds(np.asarray(a, float), np.asarray(e, float)) for a, e in wrong]
        return None if not found or None in found else all(found)

    return Mistake(says, test)


def same(given: tuple, right: tuple) -> bool:
    """Return whether results agree, up to what float32 may leave."""
    if len(given) != len(right):
        return False
    for a, e in zip(given, right, strict=True):
        a, e = np.asarray(a), np.asarray(e, float)
        if a.shape != e.shape or a.dtype.kind not in "fiub":
            return False
        a = a.astype(float)
        finite = np.isfinite(e)
        size = NEAR * max(1e-6, float(np.abs(e[finite]).max(initial=0)))
        with np.errstate(invalid="ignore"):
            if not np.all((np.abs(a - e) <= size) | (a == e) | (np.isnan(a) & np.isnan(e))):
                return False
    return True
