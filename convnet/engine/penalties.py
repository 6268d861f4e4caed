"""Regularizers in a plan: what the trainable parameters cost, and its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from convnet.engine.operator import Lowering
from convnet.engine.parameter import Parameter


@dataclass(eq=False)
class Penalty:
    """What one parameter costs. `alone`: no loss depends on it, so that this is all of its gradient."""

    regularizer: Any
    parameter: Parameter
    gradient: np.ndarray
    alone: bool
    cost: float = 0.0

    def forward(self) -> None:
        """Note what the parameter costs, before a step changes it."""
        self.cost = self.regularizer(self.parameter.value)

    def add_gradient(self) -> None:
        """Add the cost's gradient to the loss's."""
        if self.alone:
            self.gradient[...] = 0
        self.regularizer.add_gradient(self.parameter.value, self.gradient)


def make_penalties(
    low: Lowering, gradients: dict[Parameter, Any], unwritten: set[Parameter], target: str
) -> list[Penalty]:
    """Return what the steps' trainable parameters cost; ValueError where the model does not run on the CPU."""
    found: dict[Parameter, Penalty] = {}
    for step in low.steps:
        for p in step.parameters if step.layer.trainable else ():
            regularizer = step.layer.regularizer_of(p) if p.trainable and p in gradients else None
            if regularizer is None or p in found:
                continue
            if target != "cpu":
                raise ValueError(f"{p.name} has a regularizer, which target={target!r} does not have: use target='cpu'")
            found[p] = Penalty(regularizer, p, gradients[p], p in unwritten)
    return list(found.values())
