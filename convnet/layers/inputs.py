"""The input of a model: a symbolic batch, or the shape at the start of a Sequential."""

from __future__ import annotations

from typing import Any, ClassVar

from convnet.engine.graph import Graph, Node
from convnet.engine.operator import Lowering, Value
from convnet.layers.base import Layer
from convnet.layers.checks import float_type, sample_shape


class InputLayer(Layer):
    """The shape of one sample, at the start of a Sequential; computes nothing."""

    settings: ClassVar[tuple[str, ...]] = ("shape",)
    defaults: ClassVar[dict[str, Any]] = {"sparse": False, "ragged": False, "optional": False}

    def __init__(self, shape: Any = None, input_shape: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shape = sample_shape(self.name, shape if shape is not None else input_shape)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit nothing: the output is the input."""
        return inputs[0]


def Input(shape: Any, dtype: Any = "float32", name: str | None = None) -> Node:
    """Return a symbolic batch of samples of this shape, to call layers on: Model(inputs=..., outputs=...)."""
    node = Graph(float_type("Input", dtype)).start(sample_shape("Input", shape))
    node.name = name or node.name
    return node
