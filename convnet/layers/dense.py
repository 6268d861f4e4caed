"""Dense: a matrix, a bias, and an activation."""

from __future__ import annotations

from typing import Any, ClassVar

from convnet import initializers
from convnet.engine.operator import Lowering, Value
from convnet.layers.activations import activation_name, lower_activation
from convnet.layers.base import Layer
from kernels import checks


class Dense(Layer):
    """y[n,f] = activation(b[f] + sum_c x[n,c] * k[c,f]);  x (N,C) -> y (N,units). Kernel (C,units), bias (units,)."""

    settings: ClassVar[tuple[str, ...]] = ("units", "activation", "use_bias", "kernel_initializer", "bias_initializer")

    regularized: ClassVar[tuple[str, ...]] = ("kernel", "bias")

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
        """Make kernel and bias for samples of this shape."""
        self.output_shape(shape)
        self.kernel = self.add_weight("kernel", (shape[0], self.units), self.kernel_initializer)
        self.bias = self.add_weight("bias", (self.units,), self.bias_initializer) if self.use_bias else None

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        if len(shapes[0]) != 1:
            raise ValueError(
                f"{self.name}: expects vectors (one axis a sample), got {shapes[0]}: put a Flatten before it"
            )
        return (self.units,)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        parameters = (self.kernel, self.bias) if self.bias else (self.kernel,)
        y = low.emit("dense", inputs, (self.units,), self, parameters)
        return lower_activation(low, y, self.activation, self)

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        """Return the multiply-adds that one sample costs, forward."""
        return shapes[0][0] * self.units

    def window(self, shape: tuple[int, ...]) -> None:
        """Return None: one output sees all of its input."""
        return None
