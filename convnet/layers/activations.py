"""Activations by name: each is an operation of `kernels` of its own, emitted after the layer's."""

from __future__ import annotations

from typing import Any, ClassVar

from convnet.engine.operator import Lowering, Operator, Value
from convnet.layers.base import Layer

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


class Activation(Layer):
    """relu, sigmoid, softmax (over the last axis) or linear as a layer of its own."""

    settings: ClassVar[tuple[str, ...]] = ("activation",)

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activation_name(self.name, activation)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        if self.activation == "linear":
            return inputs[0]
        return low.emit(self.activation, inputs, inputs[0].shape, self)
