"""Mean, maximum or sum along some axes: pooling, whose one window is the whole of them."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

import numpy as np

from convnet.engine.operator import Lowering, Value
from convnet.engine.parameter import Parameter
from convnet.layers.base import Layer
from kernels import checks

KINDS = ("mean", "max", "sum")


class Reduce(Layer):
    """The mean, max or sum along neighbouring axes of a sample, counted from 1: Reduce("mean", (1, 2)) of an image.

    Keras has it as functions only. Of equal maxima, the first gets the gradient. A sum is the mean times the number of
    its terms.
    """

    settings: ClassVar[tuple[str, ...]] = ("kind", "axes", "keepdims")

    def __init__(self, kind: str, axes: Any, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ValueError(f"{self.name}: kind must be one of: {', '.join(KINDS)}, got {kind!r}")
        given = [axes] if isinstance(axes, int) else list(axes)
        self.kind, self.keepdims = kind, bool(keepdims)
        self.axes = sorted(checks.integer(self.name, "axes", a) for a in given)
        if not self.axes or self.axes != list(range(self.axes[0], self.axes[-1] + 1)):
            raise ValueError(f"{self.name}: axes must be neighbours, counted from 1 (0 is the batch), got {axes!r}")

    def build(self, shape: tuple[int, ...]) -> None:
        """Make the constants of a sum for samples of this shape."""
        self.output_shape(shape)

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        shape = shapes[0]
        if self.axes[-1] > len(shape):
            raise ValueError(f"{self.name}: samples of shape {shape} have no axis {self.axes[-1]} (0 is the batch)")
        kept = tuple(1 if n in self.axes else size for n, size in enumerate(shape, start=1))
        return kept if self.keepdims else tuple(size for n, size in enumerate(shape, start=1) if n not in self.axes)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        shape, first, last = inputs[0].shape, self.axes[0] - 1, self.axes[-1]
        before, count, after = prod(shape[:first]), prod(shape[first:last]), prod(shape[last:])
        x = low.emit("reshape", inputs, (before, count, after), self, in_place=True)
        window: dict[str, Any] = {"size": (1, count), "stride": (1, count), "padding": ((0, 0), (0, 0))}
        y = low.emit("maxpool2d" if self.kind == "max" else "avgpool2d", (x,), (before, 1, after), self, **window)
        if self.kind == "sum":
            parameters = tuple(self._constant(n, v, after) for n, v in (("count", count), ("0", 0), ("0", 0), ("1", 1)))
            y = low.emit("batchnorm_inference", (y,), y.shape, self, parameters, epsilon=0.0)
        return low.emit("reshape", (y,), self.output_shape(shape), self, in_place=True)

    def _constant(self, name: str, value: float, size: int) -> Parameter:
        return Parameter(f"{self.name}/{name}", np.full(size, value, self.dtype), trainable=False)

    def window(self, shape: tuple[int, ...]) -> None:
        """Return None: one output sees whole axes of its input."""
        return None
