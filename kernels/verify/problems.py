"""The problems that a variant is held to: drawn once an operation and dtype, so that the oracle is asked once."""

from typing import Any

import numpy as np

from kernels.verify.problem import Geometry, Operation, Problem
from kernels.verify.properties import Implementation

DTYPES = (np.float32, np.float64)
SMALL, QUICK = 12, 2  # small problems a kind of numbers
EMULATED = 1_000_000  # products of one problem that the emulator is asked for: about a second
MOST_WORK = {"cuda-emulated": EMULATED, "simulated": 0}  # of a large problem, where not all are affordable


def case(op: Operation, impl: Implementation, g: Geometry, dtype: Any, kind: str, seed: int, large: bool) -> Problem:
    """Return a problem that the implementation has."""
    if op.fixed:
        g = op.fit({**g, **op.fixed})
    if impl.factor is not None:
        g = op.for_own_bounds(g)
    return op.problem(g, dtype, kind, seed, op.random_oracle() if large else "reference")


class Problems:
    """The problems of an operation in a dtype, made once for all variants, so that the oracle is asked once."""

    def __init__(self, op: Operation, dtype: Any, quick: bool) -> None:
        rng = np.random.default_rng(0)
        self.op, self.dtype, self.quick = op, dtype, quick
        self.made: dict[tuple, list[Problem]] = {}
        self.small = [op.draw(rng) for _ in range(QUICK if quick else SMALL)]
        self.large = list(op.large[:1] if quick else op.large)

    def of(self, impl: Implementation, kind: str, large: bool) -> list[Problem]:
        """Return the problems of one kind, small or large, that an implementation can do."""
        key = impl.factor, kind, large
        if key not in self.made:
            geometries = self.large if large else self.small
            made = [case(self.op, impl, g, self.dtype, kind, seed, large) for seed, g in enumerate(geometries)]
            most = MOST_WORK.get(getattr(impl, "target", "cpu"), float("inf")) if large else float("inf")
            self.made[key] = [p for p in made if self.op.work(p) <= most]
        return self.made[key]
