"""Activations by name: each is an operation of `kernels` of its own, emitted after the layer's."""

from __future__ import annotations

from typing import Any

from convnet.engine.operator import Lowering, Operator, Value

NAMES = ("linear", "relu", "sigmoid", "softmax")


def activation_name(where: str, activation: Any) -> str:
    """None is 'linear'; ValueError lists the supported names."""
    name = "linear" if activation is None else getattr(activation, "__name__", activation)
    if name not in NAMES:
        raise ValueError(f"{where}: activation {name!r} is not supported; choose one of: {', '.join(NAMES)}")
    return name


def lower_activation(low: Lowering, x: Value, name: str, layer: Operator) -> Value:
    """Emit the activation; relu overwrites the value it alone reads, since its gradient needs only its output."""
    if name == "linear":
        return x
    return low.emit(name, (x,), x.shape, layer, in_place=name == "relu")
