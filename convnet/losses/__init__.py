"""Losses with Keras's names: what a target looks like, and which operation of `kernels` computes them."""

from __future__ import annotations

from typing import Any

from convnet.losses.base import Bound, Loss, spread_weights
from convnet.losses.crossentropy import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from convnet.losses.errors import MeanSquaredError
from convnet.losses.objective import Objective, choose
from convnet.utils import name_what_exists

__all__ = [
    "BinaryCrossentropy",
    "Bound",
    "CategoricalCrossentropy",
    "Loss",
    "MeanSquaredError",
    "Objective",
    "SparseCategoricalCrossentropy",
    "choose",
    "from_config",
    "get",
    "spread_weights",
]

_CLASSES: tuple[type[Loss], ...] = (
    MeanSquaredError,
    SparseCategoricalCrossentropy,
    CategoricalCrossentropy,
    BinaryCrossentropy,
)
BY_NAME: dict[str, type[Loss]] = {cls.name: cls for cls in _CLASSES} | {
    "mse": MeanSquaredError,
    "bce": BinaryCrossentropy,
}
_ALIASES = {cls.__name__: cls for cls in _CLASSES} | {"MSE": MeanSquaredError, "BCE": BinaryCrossentropy}
__getattr__ = name_what_exists("convnet.losses", [cls.__name__ for cls in _CLASSES])


def get(loss: Any) -> Loss:
    """Return a loss object, from one or from its name."""
    if isinstance(loss, Loss):
        return loss
    known = BY_NAME | _ALIASES
    if not isinstance(loss, str) or loss not in known:
        what = "a function of your own" if callable(loss) else repr(loss)
        raise ValueError(f"loss {what} is not supported; choose one of: {', '.join(BY_NAME)}")
    return known[loss]()


def from_config(config: dict[str, Any], gives: Any = None) -> Loss | Objective:
    """Return the loss that `get_config` described; `gives` is the structure of the model's outputs."""
    settings = dict(config)
    name = settings.pop("name")
    if name != Objective.name:
        return BY_NAME[name](**settings)
    losses = [None if c is None else from_config(c) for c in settings["losses"]]
    weights = [float(w) for w in settings["weights"]]
    if not len(losses) == len(weights) == len(gives.names) or any(isinstance(loss, Objective) for loss in losses):
        raise ValueError("the file's losses do not fit the model's outputs")
    return Objective(losses, weights, gives)  # type: ignore[arg-type]
