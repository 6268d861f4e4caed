"""Optimizers with Keras's names: the update rules, and schedules of the learning rate."""

from __future__ import annotations

from typing import Any

from convnet.optimizers import schedules
from convnet.optimizers.base import Optimizer, Packed
from convnet.optimizers.rules import SGD, Adagrad, Adam, AdamW, Lion, Nadam, RMSprop
from convnet.optimizers.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRateSchedule,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from convnet.utils import name_what_exists

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "Lion",
    "Nadam",
    "Optimizer",
    "Packed",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "RMSprop",
    "get",
    "schedules",
]

_CLASSES: tuple[type[Any], ...] = (SGD, RMSprop, Adam, AdamW, Adagrad, Nadam, Lion)
BY_NAME: dict[str, Any] = {cls.name: cls for cls in _CLASSES}
__getattr__ = name_what_exists("convnet.optimizers", [*(cls.__name__ for cls in _CLASSES), "schedules"])


def get(optimizer: Any) -> Optimizer:
    """Return an optimizer object, from one or from its name in any case."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    name = optimizer.lower() if isinstance(optimizer, str) else optimizer
    if not isinstance(name, str) or name not in BY_NAME:
        raise ValueError(f"optimizer {optimizer!r} is not supported; choose one of: {', '.join(BY_NAME)}")
    return BY_NAME[name]()


def to_json(optimizer: Optimizer) -> dict[str, Any]:
    """Return an optimizer's settings as plain JSON."""
    config = optimizer.get_config()
    return config if optimizer.schedule is None else config | {"learning_rate": schedules.to_json(optimizer.schedule)}


def from_json(config: dict[str, Any]) -> Optimizer:
    """Return the optimizer that `to_json` described."""
    settings = dict(config)
    if isinstance(settings.get("learning_rate"), dict):
        settings["learning_rate"] = schedules.from_json(settings["learning_rate"])
    return BY_NAME[settings.pop("name")](**settings)
