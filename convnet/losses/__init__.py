"""Losses with Keras's names: what a target looks like, and which operation of `kernels` computes them."""

from __future__ import annotations

from typing import Any

from convnet.losses.base import Bound, Loss, spread_weights
from convnet.losses.crossentropy import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from convnet.losses.errors import Huber, MeanAbsoluteError, MeanSquaredError
from convnet.losses.focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from convnet.losses.functions import FunctionLoss
from convnet.losses.objective import Objective, choose
from convnet.losses.overlap import Dice
from convnet.utils import name_what_exists

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "Bound",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "Dice",
    "FunctionLoss",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
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
    MeanAbsoluteError,
    Huber,
    SparseCategoricalCrossentropy,
    CategoricalCrossentropy,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    Dice,
)
BY_NAME: dict[str, type[Loss]] = {cls.name: cls for cls in _CLASSES} | {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "huber": Huber,
    "bce": BinaryCrossentropy,
}
_ALIASES = {cls.__name__: cls for cls in _CLASSES} | {
    "MSE": MeanSquaredError,
    "MAE": MeanAbsoluteError,
    "BCE": BinaryCrossentropy,
}
__getattr__ = name_what_exists("convnet.losses", [*(cls.__name__ for cls in _CLASSES), "FunctionLoss"])


def get(loss: Any) -> Loss:
    """Return a loss object, from one, from its name, or from a function of (y_true, y_pred)."""
    if isinstance(loss, Loss):
        return Loss.of_call(loss) if hasattr(type(loss), "call") else loss
    if callable(loss) and not isinstance(loss, type):
        return FunctionLoss(loss)
    known = BY_NAME | _ALIASES
    if not isinstance(loss, str) or loss not in known:
        raise ValueError(f"loss {loss!r} is not supported; choose one of: {', '.join(BY_NAME)}")
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
