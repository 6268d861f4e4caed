"""Layers on 8-bit levels, of which a quantized model is made (`convnet.quantization`); kernels/int8/README.md explains.

What lies between two of them is int8, one byte a number; Quantize and Dequantize lead in and out. They have no
gradients: a quantized model answers, and does not learn. Parameters are whole numbers: kernel int8, bias int32, and
float32 multipliers, one for each filter. `levels` is [zero, low, high] of the result (kernels.int8.Levels).
"""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

import numpy as np

from convnet import initializers
from convnet.engine.operator import Lowering, Value
from convnet.engine.parameter import Parameter
from convnet.layers.base import Layer
from convnet.layers.convolving import Convolving
from convnet.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D
from kernels import checks
from kernels.int8.levels import REAL, SUM, TYPE, check_level, check_levels, check_multiplier


class Quantize(Layer):
    """level = round(x / scale) + zero, from -128 to 127, ties to even."""

    settings: ClassVar[tuple[str, ...]] = ("scale", "zero")

    def __init__(self, scale: float, zero: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.zero = float(check_multiplier(self.name, scale)), check_level(self.name, "zero", zero)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operation that computes this layer."""
        scale = np.float32(self.scale)
        return low.emit("quantize", inputs, inputs[0].shape, self, dtype=TYPE, scale=scale, zero=self.zero)


class Dequantize(Quantize):
    """number = scale * (level - zero)."""

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operation that computes this layer."""
        return low.emit("dequantize", inputs, inputs[0].shape, self, scale=np.float32(self.scale), zero=self.zero)


class _Weighted(Layer):
    """What has a kernel, a bias and multipliers."""

    filters: int

    def _result(self, x_zero: int, levels: Any) -> None:
        self.x_zero = check_level(self.name, "x_zero", x_zero)
        self.levels = None if levels is None else list(check_levels(self.name, tuple(levels)))

    def _make(self, shape: tuple[int, ...]) -> None:
        found = ("kernel", shape, TYPE), ("bias", shape[-1:], SUM), ("multiplier", shape[-1:], REAL)
        made = [Parameter(f"{self.name}/{n}", initializers.make("zeros", s, t), False) for n, s, t in found]
        self.own_parameters += made
        self.kernel, self.bias, self.multiplier = made

    def _emit(self, low: Lowering, operation: str, x: Value, shape: tuple[int, ...], **settings: Any) -> Value:
        levels = None if self.levels is None else tuple(self.levels)
        dtype = None if levels is None else TYPE
        given = {**settings, "x_zero": self.x_zero, "levels": levels}
        parameters = (self.kernel, self.bias, self.multiplier)
        return low.emit(operation, (x,), shape, self, parameters, dtype=dtype, **given)


class QuantizedConv2D(_Weighted, Convolving):
    """y[n,i,j,f] = level of multiplier[f] * (bias[f] + sum_{p,q,c} (x[...] - x_zero) * kernel[p,q,c,f]); exact sums.

    x_zero   the input's level for 0, which padding has
    levels   [zero, low, high] of the result; None: real numbers instead of levels
    Otherwise as Conv2D, with groups for DepthwiseConv2D.
    """

    settings: ClassVar[tuple[str, ...]] = (
        *("filters", "kernel_size", "strides", "padding", "dilation_rate", "groups", "x_zero", "levels"),
    )

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: Any = "valid",
        dilation_rate: Any = (1, 1),
        groups: int = 1,
        x_zero: int = 0,
        levels: Any = (0, -128, 127),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._take(filters, kernel_size, strides, padding, dilation_rate)
        self.groups = checks.integer(self.name, "groups", groups)
        self._result(x_zero, levels)

    def build(self, shape: tuple[int, ...]) -> None:
        """Make kernel, bias and multipliers for samples of this shape."""
        self._geometry(shape)
        self._make(self.kernel_shape(shape[2]))

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operation that computes this layer."""
        normal, shape = self._geometry(inputs[0].shape)
        return self._emit(low, "conv2d_int8", inputs[0], shape, **normal)


class QuantizedDense(_Weighted):
    """y[n,f] = level of multiplier[f] * (bias[f] + sum_c (x[n,c] - x_zero) * kernel[c,f]); the sums are exact.

    x_zero   the input's level for 0
    levels   [zero, low, high] of the result; None: real numbers instead of levels
    """

    settings: ClassVar[tuple[str, ...]] = ("units", "x_zero", "levels")

    def __init__(self, units: int, x_zero: int = 0, levels: Any = (0, -128, 127), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = checks.integer(self.name, "units", units)
        self._result(x_zero, levels)

    def build(self, shape: tuple[int, ...]) -> None:
        """Make kernel, bias and multipliers for samples of this shape."""
        self.output_shape(shape)
        self._make((shape[0], self.units))

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        if len(shapes[0]) != 1:
            raise ValueError(f"{self.name}: expects samples of one axis, got shape {shapes[0]}: use Flatten")
        return (self.units,)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operation that computes this layer."""
        return self._emit(low, "dense_int8", inputs[0], (self.units,))

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        """Return the multiply-adds that one sample costs."""
        return prod(shapes[0]) * self.units

    def window(self, shape: tuple[int, ...]) -> None:
        """Return None: one output sees all of its input."""
        return None


class QuantizedMaxPooling2D(MaxPooling2D):
    """y[n,i,j,c] = the largest level of the window; scale and zero stay."""

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operation that computes this layer."""
        if self.dilation != (1, 1):
            raise ValueError(f"{self.name}: dilation_rate must be 1, got {self.dilation_rate}")
        shape = inputs[0].shape
        return low.emit("maxpool2d_int8", inputs, self.output_shape(shape), self, dtype=TYPE, **self._normal(shape))


class QuantizedAveragePooling2D(AveragePooling2D):
    """y[n,i,j,c] = level of multiplier * the mean of x - x_zero over the window's real pixels."""

    settings: ClassVar[tuple[str, ...]] = ("pool_size", "strides", "padding", "x_zero", "multiplier", "levels")

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: Any = "valid",
        x_zero: int = 0,
        multiplier: float = 1.0,
        levels: Any = (0, -128, 127),
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, **kwargs)
        _set_mean(self, x_zero, multiplier, levels)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operation that computes this layer."""
        shape = inputs[0].shape
        settings = self._normal(shape) | _mean(self)
        return low.emit("avgpool2d_int8", inputs, self.output_shape(shape), self, dtype=TYPE, **settings)


class QuantizedGlobalAveragePooling2D(GlobalAveragePooling2D):
    """y[n,c] = level of multiplier * the mean of x - x_zero over the image."""

    settings: ClassVar[tuple[str, ...]] = ("x_zero", "multiplier", "levels")

    def __init__(self, x_zero: int = 0, multiplier: float = 1.0, levels: Any = (0, -128, 127), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _set_mean(self, x_zero, multiplier, levels)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operation that computes this layer."""
        shape = (inputs[0].shape[2],)
        return low.emit("globalavgpool_int8", inputs, shape, self, dtype=TYPE, **_mean(self))


def _set_mean(layer: Any, x_zero: Any, multiplier: Any, levels: Any) -> None:
    layer.x_zero = check_level(layer.name, "x_zero", x_zero)
    layer.multiplier = float(check_multiplier(layer.name, multiplier))
    layer.levels = list(check_levels(layer.name, tuple(levels)))


def _mean(layer: Any) -> dict[str, Any]:
    return {"x_zero": layer.x_zero, "multiplier": np.float32(layer.multiplier), "levels": tuple(layer.levels)}


class QuantizedAdd(Layer):
    """y = level of multiplier * (factors[0] * (a - zeros[0]) + factors[1] * (b - zeros[1])); the sum is exact."""

    inputs: ClassVar[int] = 2
    settings: ClassVar[tuple[str, ...]] = ("zeros", "factors", "multiplier", "levels")

    def __init__(
        self, zeros: Any, factors: Any, multiplier: float, levels: Any = (0, -128, 127), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.zeros = [check_level(self.name, "zeros", z) for z in zeros]
        self.factors = [checks.integer(self.name, "factors", f, 0) for f in factors]
        self.multiplier = float(check_multiplier(self.name, multiplier))
        self.levels = list(check_levels(self.name, tuple(levels)))

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        if shapes[0] != shapes[1]:
            raise ValueError(f"{self.name}: both inputs must have one shape, got {shapes[0]} and {shapes[1]}")
        return shapes[0]

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operation that computes this layer."""
        settings: dict[str, Any] = {"zeros": tuple(self.zeros), "factors": tuple(self.factors)}
        settings |= {"multiplier": np.float32(self.multiplier), "levels": tuple(self.levels)}
        return low.emit("add_int8", inputs, inputs[0].shape, self, dtype=TYPE, **settings)


class QuantizedReLU(Layer):
    """y = max(x, zero) of levels of which `zero` stands for 0; scale and zero stay."""

    settings: ClassVar[tuple[str, ...]] = ("zero",)

    def __init__(self, zero: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.zero = check_level(self.name, "zero", zero)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operation that computes this layer."""
        return low.emit("relu_int8", inputs, inputs[0].shape, self, dtype=TYPE, zero=self.zero)


QUANTIZED: dict[str, type[Layer]] = {
    cls.__name__: cls
    for cls in (
        *(Quantize, Dequantize, QuantizedConv2D, QuantizedDense, QuantizedMaxPooling2D, QuantizedAveragePooling2D),
        *(QuantizedGlobalAveragePooling2D, QuantizedAdd, QuantizedReLU),
    )
}
