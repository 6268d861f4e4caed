"""Gradients held within bounds before a step, as Keras's clipnorm, clipvalue and global_clipnorm."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from kernels import checks


@dataclass(frozen=True)
class Clipping:
    """One of Keras's three ways, and its bound."""

    how: str
    bound: float

    @classmethod
    def of(cls, where: str, given: dict[str, Any]) -> Clipping | None:
        """Return the way that was asked for, or None; ValueError for more than one."""
        asked = {how: bound for how, bound in given.items() if bound is not None}
        if len(asked) > 1:
            raise ValueError(f"{where}: give one of clipnorm, clipvalue and global_clipnorm, got {', '.join(asked)}")
        return next((cls(how, checks.number(where, how, bound, 0.0)) for how, bound in asked.items()), None)

    def config(self) -> dict[str, Any]:
        """Return the argument, as plain JSON."""
        return {self.how: self.bound}

    def clip(self, arena: Any) -> None:
        """Clip the gradients in place. Sums are NumPy's, in float64: the same bits on any number of threads."""
        gradients = [g for _, g in arena.slabs]
        if self.how == "clipvalue":
            for g in gradients:
                np.clip(g, -self.bound, self.bound, out=g)
        elif self.how == "global_clipnorm":
            length = np.sqrt(sum(_square(_of(p, arena)) for p in arena.parameters))  # in any packing the same sum
            for g in gradients:
                g *= g.dtype.type(self.bound * min(1 / length, 1 / self.bound) if length else 1.0)
        else:
            for p in arena.parameters:
                g = _of(p, arena)
                g *= g.dtype.type(self.bound / max(np.sqrt(_square(g)), self.bound))


def _of(p: Any, arena: Any) -> np.ndarray:
    """Return a parameter's gradient in its slab: the same memory."""
    slab, start = arena.places[p]
    return arena.slabs[slab][1][start : start + prod(p.shape)]


def _square(g: np.ndarray) -> float:
    return float(np.square(g, dtype=np.float64).sum())
