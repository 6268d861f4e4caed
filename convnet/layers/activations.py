"""Activations by name: each is an operation of `kernels` of its own, emitted after the layer's."""

from __future__ import annotations

from typing import Any, ClassVar

from convnet.engine.operator import Lowering, Operator, Value
from convnet.layers.base import Layer
from kernels.unary.functions import SELU

# Keras's name -> the function of kernels.unary, and its numbers: Keras's defaults
FUNCTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "tanh": ("tanh", {}),
    "relu6": ("rectify", {"max_value": 6.0}),
    "leaky_relu": ("rectify", {"negative_slope": 0.2}),
    "elu": ("elu", {}),
    "selu": ("elu", SELU),
    "gelu": ("gelu", {}),
    "silu": ("silu", {}),
    "swish": ("silu", {}),
    "softplus": ("softplus", {}),
    "softsign": ("softsign", {}),
    "hard_sigmoid": ("hard_sigmoid", {}),
    "hard_silu": ("hard_silu", {}),
    "hard_swish": ("hard_silu", {}),
    "exponential": ("exponential", {}),
}
NAMES = ("linear", "relu", "sigmoid", "softmax", "log_softmax", *FUNCTIONS)


def activation_name(where: str, activation: Any) -> str:
    """Return an activation's name, None being 'linear'; ValueError lists the supported names.

    A function is refused even if it is called like one of them: it may compute something else.
    """
    name = "linear" if activation is None else activation
    if callable(name):
        called = getattr(name, "__name__", repr(name))
        raise TypeError(
            f"{where}: an activation must be given by its name, not as a function (got {called}): choose one of: "
            f"{', '.join(NAMES)}"
        )
    if name not in NAMES:
        raise ValueError(f"{where}: activation {name!r} is not supported; choose one of: {', '.join(NAMES)}")
    return name


def lower_activation(low: Lowering, x: Value, name: str, layer: Operator) -> Value:
    """Emit the activation; relu overwrites the value it alone reads, since its gradient needs only its output."""
    if name == "linear":
        return x
    if name in FUNCTIONS:
        function, numbers = FUNCTIONS[name]
        return low.emit("unary", (x,), x.shape, layer, function=function, **numbers)
    return low.emit(name, (x,), x.shape, layer, in_place=name == "relu")


class Activation(Layer):
    """An activation by its name as a layer of its own; softmax and log_softmax are over the last axis."""

    settings: ClassVar[tuple[str, ...]] = ("activation",)

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activation_name(self.name, activation)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        if self.activation in ("linear", *FUNCTIONS):
            return lower_activation(low, inputs[0], self.activation, self)
        return low.emit(self.activation, inputs, inputs[0].shape, self)


class Softmax(Activation):
    """The softmax over the last axis as a layer of its own; another `axis` is refused."""

    settings: ClassVar[tuple[str, ...]] = ("axis",)

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__("softmax", **kwargs)
        if axis != -1:
            raise ValueError(f"{self.name}: axis must be -1, the last one, got {axis!r}")
        self.axis = axis


class Identity(Activation):
    """What goes in comes out."""

    settings: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("linear", **kwargs)
