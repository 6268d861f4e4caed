"""The problems that a variant is held to: drawn once an operation and dtype, so that the oracle is asked once."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from kernels.verify.problem import Geometry, Operation, Problem
from kernels.verify.properties import Implementation

SMALL, QUICK = 12, 2  # small problems a kind of numbers
STRETCHED, QUICK_STRETCHED = (3, 4, 5, 7, 8, 16, 17, 33, 75), (4, 8, 75)  # for each number of a geometry
EMULATED = 1_000_000  # products of one problem that the emulator is asked for: about a second
MOST_WORK = {"cuda-emulated": EMULATED, "simulated": 0}  # of a large problem, where not all are affordable


def case(op: Operation, impl: Implementation, g: Geometry, dtype: Any, kind: str, seed: int, large: bool) -> Problem:
    """Return a problem that the implementation has."""
    if op.fixed:
        g = op.fit({**g, **op.fixed})
    if impl.factor is not None:
        g = op.for_own_bounds(g)
    return op.problem(g, dtype, kind, seed, op.random_oracle() if large else "reference")


def _values(op: Operation, key: str, quick: bool) -> Iterable[int]:
    """Return the values that one number of a geometry is tried at, beside those that are drawn."""
    if key in op.choices:
        return range(op.choices[key])
    return QUICK_STRETCHED if quick else STRETCHED


class Problems:
    """The problems of an operation in a dtype, made once for all variants, so that the oracle is asked once.

    small: drawn, for plain loops.  stretched: small ones with one number of the geometry at a time at larger values.
    large: several tiles and threads.  long: more than 65,536 numbers.
    """

    def __init__(self, op: Operation, dtype: Any, quick: bool) -> None:
        rng = np.random.default_rng(0)
        self.op, self.dtype, self.quick = op, dtype, quick
        self.made: dict[tuple, list[Problem]] = {}
        self.geometries = {
            "small": [op.draw(rng) for _ in range(QUICK if quick else SMALL)],
            "stretched": [
                op.stretch(op.draw(rng), key, value) for key in op.smallest for value in _values(op, key, quick)
            ],
            "large": list(op.large[:1] if quick else op.large),
            "long": [op.long] if op.long and not quick else [],
        }

    def of(self, impl: Implementation, kind: str, which: str) -> list[Problem]:
        """Return the problems of one kind and set that an implementation can do."""
        key = impl.factor, kind, which
        if key not in self.made:
            small = which == "small"
            made = [
                case(self.op, impl, g, self.dtype, kind, seed, not small)
                for seed, g in enumerate(self.geometries[which])
            ]
            most = MOST_WORK.get(getattr(impl, "target", "cpu"), float("inf")) if not small else float("inf")
            self.made[key] = [p for p in made if self.op.work(p) <= most]
        return self.made[key]
