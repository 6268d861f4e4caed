"""What a model is trained for: a loss for each output, and its weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from convnet.losses.base import Loss
from convnet.nested.several import parts
from convnet.nested.structure import Structure, leaves, skeleton_of
from kernels import checks


class Objective:
    """L = sum_o weight_o * L_o over a model's outputs o; an output whose loss is None does not count."""

    name = "objective"

    def __init__(self, losses: list[Loss | None], weights: list[float], gives: Structure) -> None:
        self.losses, self.weights, self.gives = losses, weights, gives

    @property
    def of_outputs(self) -> list[tuple[Loss | None, float]]:
        """The loss and the weight of each output."""
        return list(zip(self.losses, self.weights, strict=True))

    @property
    def value_names(self) -> list[str]:
        """The names of the numbers that a plan measures: the whole loss, then each output's."""
        named = [name for name, loss in zip(self.gives.names, self.losses, strict=True) if loss is not None]
        return ["loss", *(f"{name}_loss" for name in named)]

    @property
    def needs_weights(self) -> bool:
        """True if a loss takes sample weights even if the user gives none."""
        return any(loss is not None and loss.needs_weights for loss in self.losses)

    def check_labels(self, y: Any, output_shapes: Any) -> None:
        """Raise unless all targets are of their losses' kinds."""
        shapes = [output_shapes] if self.gives.bare else output_shapes
        for loss, labels, shape in zip(self.losses, parts(y), shapes, strict=True):
            if loss is not None:
                loss.check_labels(labels, shape)

    def get_config(self) -> dict[str, Any]:
        """Return the losses, their weights, and which outputs they are of, as plain JSON."""
        configs = [None if loss is None else loss.get_config() for loss in self.losses]
        return {"name": self.name, "losses": configs, "weights": self.weights}


def choose(get: Callable[[Any], Loss], given: Any, weights: Any, gives: Structure) -> Loss | Objective:
    """Return what compile's `loss` and `loss_weights` mean for a model that gives these outputs.

    One loss counts for every output; a list has one for each, and a dict one by name (an output left out has none).
    """
    losses = [None if loss is None else get(loss) for loss in _one_each("loss", given, gives, None)]
    if not any(losses):
        raise ValueError("compile: every output's loss is None: at least one output needs one")
    numbers = [
        1.0 if w is None else checks.number("compile", "loss_weights", w, -np.inf)
        for w in _one_each("loss_weights", weights, gives, 1.0)
    ]
    if gives.bare and numbers == [1.0]:
        assert losses[0] is not None
        return losses[0]
    return Objective(losses, numbers, gives)


def _one_each(what: str, given: Any, gives: Structure, absent: Any) -> list[Any]:
    if not isinstance(given, (list, tuple, dict)):
        if what == "loss_weights" and given is not None and not gives.bare:
            raise ValueError(f"compile: loss_weights must be a list or dict of numbers, one an output, got {given!r}")
        return [given] * len(gives.names)
    if isinstance(given, dict) and _flat(gives):
        unknown = [str(key) for key in given if key not in gives.names]
        if unknown:
            raise ValueError(
                f"compile: {what} has {unknown[0]!r}, which is no output of the model; its outputs are "
                f"{', '.join(gives.names)}"
            )
        return [given.get(name, absent) for name in gives.names]
    if skeleton_of(given) != gives.skeleton and len(leaves(given)) != len(gives.names):
        raise ValueError(
            f"compile: {what} has {len(leaves(given))} entries, the model {len(gives.names)} outputs: "
            f"{', '.join(gives.names)}"
        )
    return leaves(given)


def _flat(gives: Structure) -> bool:
    """Return True if the outputs are one, a plain list or a plain dict: each has a name of its own."""
    found = gives.skeleton
    return found is None or not any(found.values() if isinstance(found, dict) else found)
