"""Add: two inputs into one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from convnet.engine.graph import Node
from convnet.engine.operator import Lowering, Value
from convnet.layers.base import Layer


class Add(Layer):
    """a + b, of equal shapes; `a + b` on nodes inside `call` does the same."""

    inputs: ClassVar[int] = 2

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        if not isinstance(x, (list, tuple)) or len(x) != 2:
            raise ValueError(f"{self.name}: expects a list of two inputs of equal shape, [a, b]")
        if not isinstance(x[0], Node):
            from kernels import add

            return add.forward(np.asarray(x[0]), np.asarray(x[1]))
        return super().__call__(x, training)

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        if shapes[0] != shapes[1]:
            raise ValueError(f"{self.name}: expects two inputs of one shape, got {shapes[0]} and {shapes[1]}")
        return shapes[0]

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        return low.emit("add", inputs, inputs[0].shape, self)


Node.addition = staticmethod(lambda a, b: Add()([a, b]))  # `a + b` in a `call`
