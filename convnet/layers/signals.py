"""Conv1D and pooling of signals (N,W,C): the layers of images, on images of one row."""

from __future__ import annotations

from typing import Any, ClassVar

from convnet import initializers
from convnet.engine.operator import Lowering, Value, Window
from convnet.layers.activations import activation_name
from convnet.layers.base import Layer
from convnet.layers.checks import only_channels_last
from convnet.layers.conv import Conv2D
from convnet.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D
from kernels import checks


class _Signal(Layer):
    """A layer that computes its `twin`, a layer of images, on samples (W,C) as images (1,W,C)."""

    def twin(self) -> Any:
        """Return the layer of images; its operations are emitted as this layer's."""
        raise NotImplementedError

    def image(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape (1,W,C) of a sample (W,C)."""
        if len(shape) != 2:
            raise ValueError(
                f"{self.name}: expects signals of shape (width, channels), got samples of shape {shape}"
                + (": add a channel axis, x[..., None]" if len(shape) == 1 else "")
            )
        return (1, *shape)

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        made = self.twin().output_shape(self.image(shapes[0]))
        return made[1:] if len(made) == 3 else made

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        x = low.emit("reshape", inputs, self.image(inputs[0].shape), self, in_place=True)
        first = len(low.steps)
        y = self.twin().lower(low, x)
        for step in low.steps[first:]:
            step.layer = self
        made = self.output_shape(inputs[0].shape)
        return y if y.shape == made else low.emit("reshape", (y,), made, self, in_place=True)

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        """Return the multiply-adds that one sample costs, forward."""
        return int(self.twin().multiply_adds(self.image(shapes[0])))

    def window(self, shape: tuple[int, ...]) -> Window | None:
        """Return None: a window of a picture has two axes."""
        return None


def _single(name: str, argument: str, value: Any) -> int:
    """Return an integer, or the one in a tuple of one as Keras takes it."""
    return checks.integer(name, argument, value[0] if isinstance(value, (tuple, list)) and len(value) == 1 else value)


def _sides(name: str, padding: Any, words: tuple[str, ...]) -> Any:
    """Return one of the words, or (left, right)."""
    if isinstance(padding, str) and padding.lower() in words:
        return padding.lower()
    if isinstance(padding, (tuple, list)) and len(padding) == 2:
        return checks.pair(name, "padding", padding, 0)
    raise ValueError(f"{name}: padding must be one of {', '.join(words)} or (left, right), got {padding!r}")


class Conv1D(_Signal):
    """y[n,j,f] = activation(b[f] + sum_{q,c} x[n, s*j + d*q - left, c] * k[q,c,f]), on signals (N,W,C).

    Parameters: kernel (Q,C/groups,filters), bias (filters,). `padding`: "valid", "same", "causal" (zeros at the left
    alone, so that no output reads what comes after it) or (left, right). The other arguments are Conv2D's.
    """

    settings: ClassVar[tuple[str, ...]] = Conv2D.settings

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        only_channels_last(self.name, data_format)
        self.filters = checks.integer(self.name, "filters", filters)
        self.kernel_size = _single(self.name, "kernel_size", kernel_size)
        self.strides = _single(self.name, "strides", strides)
        self.padding = _sides(self.name, padding, ("valid", "same", "causal"))
        self.dilation_rate = _single(self.name, "dilation_rate", dilation_rate)
        self.groups = checks.integer(self.name, "groups", groups)
        self.use_bias = bool(use_bias)
        self.activation = activation_name(self.name, activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def _conv(self) -> Conv2D:
        pad: Any = self.padding
        if pad == "causal":
            pad = ((0, 0), (self.dilation_rate * (self.kernel_size - 1), 0))
        elif not isinstance(pad, str):
            pad = ((0, 0), pad)
        size, stride, dilation = ((1, v) for v in (self.kernel_size, self.strides, self.dilation_rate))
        return Conv2D(
            self.filters, size, stride, pad, None, dilation, self.groups, self.activation, self.use_bias,
            self.kernel_initializer, self.bias_initializer, name=self.name,
        )  # fmt: skip

    def twin(self) -> Conv2D:
        """Return the layer of images, with this layer's parameters."""
        conv = self._conv()
        if self.own_parameters:
            conv.kernel, conv.bias = self.kernel, self.bias
        return conv

    def build(self, shape: tuple[int, ...]) -> None:
        """Make kernel and bias for samples of this shape."""
        channels = self.image(shape)[2]
        if channels % self.groups or self.filters % self.groups:
            raise ValueError(
                f"{self.name}: groups={self.groups} must divide the input's channels ({channels}) "
                f"and filters ({self.filters})"
            )
        kernel = (self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_weight("kernel", kernel, self.kernel_initializer)
        self.kernel.show_as((1, *kernel))
        self.bias = self.add_weight("bias", (self.filters,), self.bias_initializer) if self.use_bias else None


class _Pooling1D(_Signal):
    settings: ClassVar[tuple[str, ...]] = ("pool_size", "strides", "padding")
    pooling: ClassVar[type]

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        only_channels_last(self.name, data_format)
        self.pool_size = _single(self.name, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else _single(self.name, "strides", strides)
        self.padding = _sides(self.name, padding, ("valid", "same"))

    def twin(self) -> Any:
        """Return the layer of images."""
        pad = self.padding if isinstance(self.padding, str) else ((0, 0), self.padding)
        return self.pooling((1, self.pool_size), (1, self.strides), pad, name=self.name)


class MaxPooling1D(_Pooling1D):
    """y[n,j,c] = the largest of x[n, s*j + q - left, c] over the window q: (N,W,C) -> (N,Wo,C)."""

    pooling = MaxPooling2D


class AveragePooling1D(_Pooling1D):
    """y[n,j,c] = the mean of the window's real numbers: (N,W,C) -> (N,Wo,C)."""

    pooling = AveragePooling2D


class _GlobalPooling1D(_Signal):
    settings: ClassVar[tuple[str, ...]] = ("keepdims",)
    pooling: ClassVar[type]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        only_channels_last(self.name, data_format)
        self.keepdims = bool(keepdims)

    def twin(self) -> Any:
        """Return the layer of images."""
        return self.pooling(keepdims=self.keepdims, name=self.name)


class GlobalAveragePooling1D(_GlobalPooling1D):
    """y[n,c] = the mean of x[n,:,c]: (N,W,C) -> (N,C), or (N,1,C) with keepdims."""

    pooling = GlobalAveragePooling2D


class GlobalMaxPooling1D(_GlobalPooling1D):
    """y[n,c] = the largest of x[n,:,c]: (N,W,C) -> (N,C), or (N,1,C) with keepdims."""

    pooling = GlobalMaxPooling2D
