"""Flatten and Reshape: the same numbers under another shape."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

from convnet.engine.operator import Lowering, Value
from convnet.layers.base import Layer
from kernels import checks


class Flatten(Layer):
    """(N,H,W,C) -> (N, H*W*C), the same numbers in the same order."""

    defaults: ClassVar[dict[str, Any]] = {"data_format": "channels_last"}

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        return (prod(shapes[0]),)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        return low.emit("reshape", inputs, (prod(inputs[0].shape),), self, in_place=True)

    def window(self, shape: tuple[int, ...]) -> None:
        """Return None: one output sees all of its input."""
        return None


class Reshape(Layer):
    """(N, ...) -> (N, *target_shape), the same numbers in the same order; one axis may be -1, which is what is left."""

    settings: ClassVar[tuple[str, ...]] = ("target_shape",)

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        axes = [target_shape] if isinstance(target_shape, int) else list(target_shape)
        self.target_shape = tuple(a if a == -1 else checks.integer(self.name, "target_shape", a) for a in axes)
        if self.target_shape.count(-1) > 1:
            raise ValueError(f"{self.name}: target_shape may have one -1, got {self.target_shape}")

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        size, known = prod(shapes[0]), prod(a for a in self.target_shape if a != -1)
        if size % known or (-1 not in self.target_shape and size != known):
            raise ValueError(
                f"{self.name}: samples of shape {shapes[0]} have {size} numbers, which do not fit into "
                f"target_shape={self.target_shape}"
            )
        return tuple(size // known if a == -1 else a for a in self.target_shape)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        return low.emit("reshape", inputs, self.output_shape(inputs[0].shape), self, in_place=True)

    def window(self, shape: tuple[int, ...]) -> None:
        """Return None: the axes that a window lies in are gone."""
        return None
