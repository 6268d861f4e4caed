"""PReLU, Rescaling and Normalization, which multiply each channel by a number.

What they compute is batch normalisation's inference, gamma * (x - mean) / sqrt(var + epsilon) + beta, with some of the
four held at 0 or 1.
"""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

import numpy as np

from convnet import initializers
from convnet.engine.operator import Lowering, Value
from convnet.engine.parameter import Parameter
from convnet.layers.base import Layer
from kernels import checks

ZERO_VARIANCE = 1e-14  # Keras divides by max(sqrt(variance), 1e-7)


class _Scaling(Layer):
    def constant(self, name: str, value: Any, count: int) -> Parameter:
        """Return `count` numbers that the layer computes with; they are no parameter of the layer's."""
        filled = np.array(np.broadcast_to(np.asarray(value, float).reshape(-1), (count,)), self.dtype)
        return Parameter(f"{self.name}/{name}", filled, trainable=False)

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        """Return the multiply-adds that one sample costs, forward."""
        return prod(shapes[0])


class PReLU(_Scaling):
    """x for x > 0, else alpha * x; alpha is trained, one number for each number of a sample but the shared axes.

    shared_axes  the axes along which alpha is the same, counted from 1: [1, 2] of an image leaves one for each channel
    Source: He et al., Delving Deep into Rectifiers, 2015.
    """

    settings: ClassVar[tuple[str, ...]] = ("alpha_initializer", "shared_axes")

    def __init__(self, alpha_initializer: Any = "zeros", shared_axes: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        axes = [] if shared_axes is None else [shared_axes] if isinstance(shared_axes, int) else list(shared_axes)
        self.shared_axes = [checks.integer(self.name, "shared_axes", a) for a in axes] or None

    def build(self, shape: tuple[int, ...]) -> None:
        """Make alpha for samples of this shape."""
        shared = self.shared_axes or []
        if sorted(set(shared)) != list(range(1, len(set(shared)) + 1)) or len(set(shared)) > len(shape):
            raise ValueError(
                f"{self.name}: shared_axes must be the first axes of a sample, [1] or [1, 2] ..., got {shared} for "
                f"samples of shape {shape}"
            )
        wanted = tuple(1 if n in shared else size for n, size in enumerate(shape, start=1))
        self.alpha = self.add_weight("alpha", wanted, self.alpha_initializer)
        count = prod(wanted)
        self.rest = [self.constant(name, value, count) for name, value in (("beta", 0), ("mean", 0), ("var", 1))]

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError if samples of another shape than the first do not fit alpha."""
        if any(a not in (1, s) for a, s in zip(self.alpha.shape, shape, strict=True)):
            raise ValueError(f"{self.name}: alpha has shape {self.alpha.shape}, which does not fit samples of {shape}")

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer: max(x, 0) + alpha * min(x, 0)."""
        (x,), shape, count = inputs, inputs[0].shape, prod(self.alpha.shape)
        above = low.emit("relu", (x,), shape, self)
        below = low.emit("unary", (x,), shape, self, function="clip", high=0.0)
        flat = (prod(shape) // count, count)
        if shape[-1] != count:
            below = low.emit("reshape", (below,), flat, self, in_place=True)
        scaled = low.emit("batchnorm_inference", (below,), below.shape, self, (self.alpha, *self.rest), epsilon=0.0)
        if shape[-1] != count:
            scaled = low.emit("reshape", (scaled,), shape, self, in_place=True)
        return low.emit("add", (above, scaled), shape, self)


class Rescaling(_Scaling):
    """y = x * scale + offset; a number each, or one for each channel."""

    settings: ClassVar[tuple[str, ...]] = ("scale", "offset")

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = (_numbers(self.name, n, v) for n, v in (("scale", scale), ("offset", offset)))

    def build(self, shape: tuple[int, ...]) -> None:
        """Lay scale and offset out for the channels."""
        for name, value in (("scale", self.scale), ("offset", self.offset)):
            _check_count(self.name, name, value, shape)
        values = (("scale", self.scale), ("offset", self.offset), ("mean", 0), ("var", 1))
        self.all = [self.constant(name, value, shape[-1]) for name, value in values]

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        return low.emit("batchnorm_inference", inputs, inputs[0].shape, self, tuple(self.all), epsilon=0.0)


class Normalization(_Scaling):
    """y = (x - mean) / sqrt(variance), channel by channel: numbers that are given, or found by `adapt`.

    Source: Keras's layer of that name; `invert=True` and other axes than the last are refused.
    """

    settings: ClassVar[tuple[str, ...]] = ("axis", "mean", "variance")
    defaults: ClassVar[dict[str, Any]] = {"invert": False}

    def __init__(self, axis: Any = -1, mean: Any = None, variance: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ValueError(f"{self.name}: mean and variance must be given both, or neither and found by adapt(data)")
        if isinstance(axis, (list, tuple)) and len(axis) < 2:
            axis = axis[0] if axis else None  # Keras's files have () for None
        if axis not in (-1, None) and not isinstance(axis, int):
            raise ValueError(f"{self.name}: axis must be -1 (a mean for each channel) or None (one mean), got {axis}")
        self.axis = axis
        self.mean = None if mean is None else _numbers(self.name, "mean", mean)
        self.variance = None if variance is None else _numbers(self.name, "variance", variance)

    def build(self, shape: tuple[int, ...]) -> None:
        """Make the statistics: parameters that `adapt` overwrites, or constants if they were given."""
        if self.axis not in (-1, None, len(shape)):
            raise ValueError(f"{self.name}: axis must be -1 or {len(shape)} (channels last), or None, got {self.axis}")
        self.one, self.zero = self.constant("gamma", 1, shape[-1]), self.constant("beta", 0, shape[-1])
        if self.mean is None:
            self.kept_mean = self.add_weight("mean", (shape[-1],), "zeros", trainable=False)
            self.kept_variance = self.add_weight("variance", (shape[-1],), "ones", trainable=False)
            return
        for name, value in (("mean", self.mean), ("variance", self.variance)):
            _check_count(self.name, name, value, shape)
        self.kept_mean = self.constant("mean", self.mean, shape[-1])
        self.kept_variance = self.constant("variance", self.variance, shape[-1])

    def adapt(self, data: Any) -> None:
        """Take mean and variance from an array of samples, in double precision."""
        if self.mean is not None:
            raise ValueError(f"{self.name}: mean and variance were given: there is nothing to adapt")
        data = np.asarray(data)
        if data.ndim < 2 or not len(data):
            raise ValueError(f"{self.name}: adapt expects an array of samples, (N, ..., channels), got {data.shape}")
        self.ensure_built(data.shape[1:], self.dtype or np.float32)
        axes = None if self.axis is None else tuple(range(data.ndim - 1))
        self.kept_mean.value[...] = data.mean(axes, dtype=np.float64)
        self.kept_variance.value[...] = data.var(axes, dtype=np.float64)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        parameters = (self.one, self.zero, self.kept_mean, self.kept_variance)
        return low.emit("batchnorm_inference", inputs, inputs[0].shape, self, parameters, epsilon=ZERO_VARIANCE)


def _numbers(where: str, name: str, value: Any) -> Any:
    """Return a number as a float, or a list or array of numbers as a list; ValueError for anything else."""
    try:
        found = np.asarray(value, float)
    except (TypeError, ValueError):
        found = np.array(np.nan)
    if not np.isfinite(found).all() or not found.size:
        raise ValueError(f"{where}: {name} must be a number, or one for each channel, got {value!r}")
    return float(found.reshape(-1)[0]) if found.size == 1 else found.reshape(-1).tolist()


def _check_count(where: str, name: str, value: Any, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless there is one number, or one for each channel of a sample."""
    if isinstance(value, list) and len(value) != shape[-1]:
        raise ValueError(f"{where}: {name} has {len(value)} numbers, but samples of {shape} have {shape[-1]} channels")
