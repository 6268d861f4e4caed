"""Dense, Flatten, Activation, Dropout, Add, and the input."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

import numpy as np

from convnet import initializers
from convnet.engine.graph import Graph, Node
from convnet.engine.operator import Lowering, Value
from convnet.layers.activations import activation_name, lower_activation
from convnet.layers.base import Layer, float_type
from convnet.utils import next_seed
from kernels import checks


class Dense(Layer):
    """y[n,f] = activation(b[f] + sum_c x[n,c] * k[c,f]);  x (N,C) -> y (N,units). Weights: kernel (C,units), bias."""

    settings: ClassVar[tuple[str, ...]] = ("units", "activation", "use_bias", "kernel_initializer", "bias_initializer")

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = checks.integer(self.name, "units", units)
        self.activation = activation_name(self.name, activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def build(self, shape: tuple[int, ...]) -> None:
        self.output_shape(shape)
        self.kernel = self.add_weight("kernel", (shape[0], self.units), self.kernel_initializer)
        self.bias = self.add_weight("bias", (self.units,), self.bias_initializer) if self.use_bias else None

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        if len(shapes[0]) != 1:
            raise ValueError(
                f"{self.name}: expects vectors (one axis a sample), got {shapes[0]}: put a Flatten before it"
            )
        return (self.units,)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        weights = (self.kernel, self.bias) if self.bias else (self.kernel,)
        y = low.emit("dense", inputs, (self.units,), self, weights)
        return lower_activation(low, y, self.activation, self)

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        return shapes[0][0] * self.units

    def window(self, shape: tuple[int, ...]) -> None:
        return None


class Flatten(Layer):
    """(N,H,W,C) -> (N, H*W*C), the same numbers in the same order."""

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        return (prod(shapes[0]),)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        return low.emit("reshape", inputs, (prod(inputs[0].shape),), self, in_place=True)

    def window(self, shape: tuple[int, ...]) -> None:
        return None


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


class Dropout(Layer):
    """In training, zero a share `rate` of the numbers and multiply the rest by 1/(1-rate); otherwise nothing.

    The mask is counter-based (Philox): `seed`, the call's number and the position give it, on any thread or target.
    """

    settings: ClassVar[tuple[str, ...]] = ("rate", "seed")

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = checks.number(self.name, "rate", rate, 0.0, 1.0, below=True)
        self.seed = next_seed() if seed is None else checks.integer(self.name, "seed", seed, 0)
        self.calls = 0  # every training call draws another mask

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        if not low.training or self.rate == 0:
            return inputs[0]
        return low.emit("dropout", inputs, inputs[0].shape, self, rate=self.rate)


class Add(Layer):
    """a + b, of equal shapes; `a + b` on nodes inside `call` does the same."""

    inputs: ClassVar[int] = 2

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        if not isinstance(x, (list, tuple)) or len(x) != 2:
            raise ValueError(f"{self.name}: expects a list of two inputs of equal shape, [a, b]")
        if not isinstance(x[0], Node):
            from kernels import add

            return add.forward(np.asarray(x[0]), np.asarray(x[1]))
        return super().__call__(x, training)

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        if shapes[0] != shapes[1]:
            raise ValueError(f"{self.name}: expects two inputs of one shape, got {shapes[0]} and {shapes[1]}")
        return shapes[0]

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        return low.emit("add", inputs, inputs[0].shape, self)


Node.addition = staticmethod(lambda a, b: Add()([a, b]))  # `a + b` in a `call`


class InputLayer(Layer):
    """The shape of one sample, at the start of a Sequential; computes nothing."""

    settings: ClassVar[tuple[str, ...]] = ("shape",)

    def __init__(self, shape: Any = None, input_shape: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shape = sample_shape(self.name, shape if shape is not None else input_shape)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        return inputs[0]


def Input(shape: Any, dtype: Any = "float32", name: str | None = None) -> Node:
    """A symbolic batch of samples of this shape, to call layers on: Model(inputs=..., outputs=...)."""
    node = Graph(float_type("Input", dtype)).start(sample_shape("Input", shape))
    node.name = name or node.name
    return node


def sample_shape(where: str, shape: Any) -> tuple[int, ...]:
    """The shape of one sample, positive integers without the batch axis."""
    if isinstance(shape, (tuple, list)) and shape and all(isinstance(v, (int, np.integer)) and v > 0 for v in shape):
        return tuple(int(v) for v in shape)
    raise ValueError(
        f"{where}: shape must be positive integers without the batch axis, like (28, 28, 1), got {shape!r}"
    )
