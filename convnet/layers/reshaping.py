"""Flatten: the same numbers under another shape."""

from __future__ import annotations

from math import prod

from convnet.engine.operator import Lowering, Value
from convnet.layers.base import Layer


class Flatten(Layer):
    """(N,H,W,C) -> (N, H*W*C), the same numbers in the same order."""

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        return (prod(shapes[0]),)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        return low.emit("reshape", inputs, (prod(inputs[0].shape),), self, in_place=True)

    def window(self, shape: tuple[int, ...]) -> None:
        return None
