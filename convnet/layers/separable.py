"""DepthwiseConv2D and SeparableConv2D: convolutions of each channel by itself."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

from convnet import initializers
from convnet.engine.operator import Lowering, Value
from convnet.layers.activations import lower_activation
from convnet.layers.checks import need_image
from convnet.layers.conv import Conv2D
from kernels import checks


class DepthwiseConv2D(Conv2D):
    """Conv2D of each channel by itself, with m = depth_multiplier filters each: y has channel c*m + r of x's c.

    x (N,H,W,C) -> y (N,Ho,Wo,C*m). Parameters: kernel (P,Q,C,m), bias (C*m,).
    """

    settings: ClassVar[tuple[str, ...]] = (
        *("kernel_size", "strides", "padding", "depth_multiplier", "dilation_rate", "activation", "use_bias"),
        *("depthwise_initializer", "bias_initializer"),
    )

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: Any = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            1, kernel_size, strides, padding, data_format, dilation_rate, 1, activation, use_bias, "zeros",
            bias_initializer, **kwargs,
        )  # fmt: skip
        self.depth_multiplier = checks.integer(self.name, "depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer)

    def split(self, channels: int) -> tuple[int, int]:
        """Return into how many groups the channels are split, and the number of filters."""
        return channels, channels * self.depth_multiplier

    def build(self, shape: tuple[int, ...]) -> None:
        """Make kernel and bias for samples of this shape."""
        need_image(self.name, shape)
        filters = shape[2] * self.depth_multiplier
        kernel = (*self.kernel_size, shape[2], self.depth_multiplier)
        self.kernel = self.add_weight("kernel", kernel, self.depthwise_initializer)
        self.kernel.show_as((*self.kernel_size, 1, filters))  # the kernel of a convolution in groups
        self.bias = self.add_weight("bias", (filters,), self.bias_initializer) if self.use_bias else None


class SeparableConv2D(Conv2D):
    """A depthwise convolution, then one of size 1x1 that mixes the channels, with the bias and the activation.

    x (N,H,W,C) -> y (N,Ho,Wo,filters). Parameters: depthwise_kernel (P,Q,C,depth_multiplier), pointwise_kernel
    (1,1,C*depth_multiplier,filters), bias (filters,).
    """

    settings: ClassVar[tuple[str, ...]] = (
        *("filters", "kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier", "activation"),
        *("use_bias", "depthwise_initializer", "pointwise_initializer", "bias_initializer"),
    )

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters, kernel_size, strides, padding, data_format, dilation_rate, 1, activation, use_bias, "zeros",
            bias_initializer, **kwargs,
        )  # fmt: skip
        self.depth_multiplier = checks.integer(self.name, "depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)

    def split(self, channels: int) -> tuple[int, int]:
        """Return into how many groups the depthwise convolution splits the channels, and its filters."""
        return channels, channels * self.depth_multiplier

    def build(self, shape: tuple[int, ...]) -> None:
        """Make both kernels and the bias for samples of this shape."""
        need_image(self.name, shape)
        between = shape[2] * self.depth_multiplier
        depthwise = (*self.kernel_size, shape[2], self.depth_multiplier)
        self.depthwise_kernel = self.add_weight("depthwise_kernel", depthwise, self.depthwise_initializer)
        self.depthwise_kernel.show_as((*self.kernel_size, 1, between))
        pointwise = (1, 1, between, self.filters)
        self.pointwise_kernel = self.add_weight("pointwise_kernel", pointwise, self.pointwise_initializer)
        self.bias = self.add_weight("bias", (self.filters,), self.bias_initializer) if self.use_bias else None

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        return (*self._geometry(shapes[0])[1][:2], self.filters)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        normal, between = self._geometry(inputs[0].shape)
        x = low.emit("conv2d", inputs, between, self, (self.depthwise_kernel,), **normal)
        parameters = (self.pointwise_kernel, self.bias) if self.bias else (self.pointwise_kernel,)
        plain: dict[str, Any] = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
        y = low.emit("conv2d", (x,), (*between[:2], self.filters), self, parameters, **plain)
        return lower_activation(low, y, self.activation, self)

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        """Return the multiply-adds that one sample costs, forward."""
        between = self._geometry(shapes[0])[1]
        return prod(between) * prod(self.kernel_size) + prod(between) * self.filters
