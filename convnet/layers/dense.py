"""Dense: a matrix, a bias, and an activation."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

from convnet import initializers
from convnet.engine.operator import Lowering, Value
from convnet.layers.activations import activation_name, lower_activation
from convnet.layers.base import Layer
from kernels import checks


class Dense(Layer):
    """y[n,f] = activation(b[f] + sum_c x[n,c] * k[c,f]);  x (N,C) -> y (N,units). Kernel (C,units), bias (units,).

    On more axes, x (N,...,C) -> y (N,...,units), the same at every place: a convolution with windows of one pixel.
    """

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
        self.kernel = self.add_weight("kernel", (shape[-1], self.units), self.kernel_initializer)
        if len(shape) > 1:
            self.kernel.show_as((1, 1, shape[-1], self.units))
        self.bias = self.add_weight("bias", (self.units,), self.bias_initializer) if self.use_bias else None

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        if not shapes[0]:
            raise ValueError(f"{self.name}: expects samples with an axis of channels, got single numbers: use Reshape")
        return (*shapes[0][:-1], self.units)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        from kernels.conv2d import geometry

        parameters = (self.kernel, self.bias) if self.bias else (self.kernel,)
        shape = inputs[0].shape
        if len(shape) == 1:
            y = low.emit("dense", inputs, (self.units,), self, parameters)
        else:
            places = prod(shape[:-1])
            x = low.emit("reshape", inputs, (1, places, shape[-1]), self, in_place=True)
            normal, _ = geometry((1, *x.shape), (1, 1, shape[-1], self.units), 1, "valid", 1, 1)
            z = low.emit("conv2d", (x,), (1, places, self.units), self, parameters, **normal)
            y = low.emit("reshape", (z,), self.output_shape(shape), self, in_place=True)
        return lower_activation(low, y, self.activation, self)

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        """Return the multiply-adds that one sample costs, forward."""
        return prod(shapes[0]) * self.units

    def window(self, shape: tuple[int, ...]) -> None:
        """Return None: one output sees all of its input."""
        return None
