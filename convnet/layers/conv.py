"""Conv2D: formula (1), a bias, and an activation."""

from __future__ import annotations

from typing import Any, ClassVar

from convnet import initializers
from convnet.engine.operator import Lowering, Value
from convnet.layers.activations import activation_name, lower_activation
from convnet.layers.checks import need_image, only_channels_last
from convnet.layers.convolving import Convolving
from kernels import checks


class Conv2D(Convolving):
    """y[n,i,j,f] = activation(b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f]).

    x (N,H,W,C) -> y (N,Ho,Wo,filters). Parameters: kernel (P,Q,C/groups,filters), bias (filters,).

    filters             F, the channels of y
    kernel_size         (P,Q), or one number for both
    strides             s, down and across
    padding             "valid" (none), "same" (y has x's size, divided by the stride), or the zeros around the image,
                        ((top, bottom), (left, right))
    data_format         None or "channels_last", the only layout here
    dilation_rate       d, down and across
    groups              parts of the channels that are correlated apart
    activation          a name from convnet.layers.activations, or None
    use_bias            False leaves b out
    kernel_initializer  how the kernel starts, a name from convnet.initializers
    bias_initializer    how the bias starts
    """

    settings: ClassVar[tuple[str, ...]] = (
        "filters",
        "kernel_size",
        "strides",
        "padding",
        "dilation_rate",
        "groups",
        "activation",
        "use_bias",
        "kernel_initializer",
        "bias_initializer",
    )
    regularized: ClassVar[tuple[str, ...]] = ("kernel", "bias")
    operation: ClassVar[str] = "conv2d"

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        only_channels_last(self.name, data_format)
        self._take(filters, kernel_size, strides, padding, dilation_rate)
        self.groups = checks.integer(self.name, "groups", groups)
        self.activation = activation_name(self.name, activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def build(self, shape: tuple[int, ...]) -> None:
        """Make kernel and bias for samples of this shape."""
        need_image(self.name, shape)
        if shape[2] % self.groups or self.filters % self.groups:
            raise ValueError(
                f"{self.name}: groups={self.groups} must divide the input's channels ({shape[2]}) "
                f"and filters ({self.filters})"
            )
        self.kernel = self.add_weight("kernel", self.kernel_shape(shape[2]), self.kernel_initializer)
        self.bias = self.add_weight("bias", (self.filters,), self.bias_initializer) if self.use_bias else None

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        normal, shape = self._geometry(inputs[0].shape)
        parameters = (self.kernel, self.bias) if self.bias else (self.kernel,)
        y = low.emit(self.operation, inputs, shape, self, parameters, **normal)
        return lower_activation(low, y, self.activation, self)
