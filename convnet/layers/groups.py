"""Layer and group normalisation: each sample by itself, the same in training and in inference."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

import numpy as np

from convnet.engine.operator import Lowering, Value
from convnet.engine.parameter import Parameter
from convnet.layers.base import Layer
from kernels import checks

_DEFAULTS: dict[str, Any] = {
    "beta_initializer": "zeros",
    "gamma_initializer": "ones",
    **dict.fromkeys(("beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint")),
}


class _GroupNormalization(Layer):
    """y = gamma * (x - mean) / sqrt(var + epsilon) + beta, mean and var over some numbers of one sample."""

    center: bool
    scale: bool
    epsilon: float
    defaults: ClassVar[dict[str, Any]] = _DEFAULTS

    def make(self, shape: tuple[int, ...]) -> None:
        """Make gamma and beta of this shape; without them, what the layer computes with instead."""
        self.gamma = self.add_weight("gamma", shape, "ones") if self.scale else self._constant("gamma", 1.0, shape)
        self.beta = self.add_weight("beta", shape, "zeros") if self.center else self._constant("beta", 0.0, shape)

    def _constant(self, name: str, value: float, shape: tuple[int, ...]) -> Parameter:
        return Parameter(f"{self.name}/{name}", np.full(shape, value, self.dtype), trainable=False)

    def emit(self, low: Lowering, x: Value, size: tuple[int, int], groups: int) -> Value:
        """Emit the operation on what has this size, (pixels, channels)."""
        parameters = (self.gamma, self.beta)
        return low.emit("groupnorm", (x,), x.shape, self, parameters, size=size, groups=groups, epsilon=self.epsilon)

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        """Return the multiply-adds that one sample costs, forward."""
        return prod(shapes[0])

    def window(self, shape: tuple[int, ...]) -> None:
        """Return None: one output sees all of its group."""
        return None


class LayerNormalization(_GroupNormalization):
    """Normalise each sample along its last axis, or along its last axes: axis=(1, 2, 3) takes a whole image.

    gamma and beta have the normalised axes' shape.
    Source: Ba, Kiros, Hinton, Layer Normalization, 2016.
    """

    defaults: ClassVar[dict[str, Any]] = _DEFAULTS | {"rms_scaling": False}
    settings: ClassVar[tuple[str, ...]] = ("axis", "epsilon", "center", "scale")

    def __init__(
        self, axis: Any = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.axis = axis if isinstance(axis, int) else [int(a) for a in axis]
        self.epsilon = checks.number(self.name, "epsilon", epsilon, 0.0)
        self.center, self.scale = bool(center), bool(scale)

    def build(self, shape: tuple[int, ...]) -> None:
        """Make gamma and beta for samples of this shape."""
        given = [self.axis] if isinstance(self.axis, int) else self.axis
        rank = len(shape) + 1
        axes = sorted(a + rank if a < 0 else a for a in given)
        if not axes or axes != list(range(rank - len(axes), rank)) or axes[0] < 1:
            raise ValueError(
                f"{self.name}: axis must be the last axis of a sample or its last axes, like -1 or (1, 2, 3), got "
                f"{self.axis} for samples of shape {shape}"
            )
        self.make(shape[axes[0] - 1 :])

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError if samples of another shape than the first do not fit gamma."""
        if shape[-len(self.gamma.shape) :] != self.gamma.shape:
            raise ValueError(f"{self.name}: gamma has shape {self.gamma.shape}, samples of {shape} do not fit")

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        return self.emit(low, inputs[0], (1, prod(self.gamma.shape)), 1)


class GroupNormalization(_GroupNormalization):
    """Normalise each group of channels of each sample; groups=-1: each channel by itself (instance normalisation).

    Source: Wu, He, Group Normalization, 2018.
    """

    settings: ClassVar[tuple[str, ...]] = ("groups", "axis", "epsilon", "center", "scale")

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.groups = -1 if groups == -1 else checks.integer(self.name, "groups", groups)
        self.axis = axis
        self.epsilon = checks.number(self.name, "epsilon", epsilon, 0.0)
        self.center, self.scale = bool(center), bool(scale)

    def build(self, shape: tuple[int, ...]) -> None:
        """Make gamma and beta for samples of this shape."""
        if self.axis not in (-1, len(shape)):
            raise ValueError(f"{self.name}: axis must be -1 (channels last), got {self.axis}")
        if self.groups != -1 and shape[-1] % self.groups:
            raise ValueError(
                f"{self.name}: groups={self.groups} must divide the channels, but samples of shape {shape} have "
                f"{shape[-1]}"
            )
        self.make(shape[-1:])

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        shape = inputs[0].shape
        return self.emit(low, inputs[0], (prod(shape[:-1]), shape[-1]), shape[-1] if self.groups == -1 else self.groups)
