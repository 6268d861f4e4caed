"""The input of a model: a symbolic batch, or the shape at the start of a Sequential."""

from __future__ import annotations

from typing import Any, ClassVar

from convnet.engine.graph import Graph, Node
from convnet.engine.operator import Lowering, Value
from convnet.layers.base import Layer
from convnet.layers.checks import float_type, sample_shape
from convnet.layers.naming import unique_name
from convnet.utils import check_name, refuse


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


def Input(shape: Any = None, dtype: Any = "float32", name: str | None = None, **unknown: Any) -> Node:
    """Return a symbolic batch of samples of this shape, to call layers on: Model(inputs=..., outputs=...).

    A model with several inputs takes arrays by their names.
    """
    refuse("Input", unknown, ("shape", "dtype", "name"), {"sparse": False, "ragged": False, "optional": False})
    name = check_name("Input", name) or unique_name("InputLayer")
    return Graph(float_type("Input", dtype or "float32")).start(sample_shape("Input", shape), name)
