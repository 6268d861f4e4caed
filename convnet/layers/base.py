"""What every layer has: a name, weights that are made when the first input's shape is known, and a call."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from inspect import signature
from typing import Any, ClassVar

import numpy as np

from convnet import initializers
from convnet.engine.graph import Node, record
from convnet.engine.operator import Lowering, Value, Window
from convnet.engine.parameter import Parameter
from convnet.layers.checks import float_type
from convnet.layers.naming import unique_name
from convnet.utils import refuse


class Layer:
    """A layer: called on an array it computes, called on a node it is recorded.

    A subclass of the engine gives `build` (make the weights), `output_shape` and `lower` (its formula as operations
    of `kernels`); a user's own layer gives `call`, made of other layers.
    """

    inputs: ClassVar[int] = 1
    settings: ClassVar[tuple[str, ...]] = ()  # constructor arguments, kept as attributes of the same name

    def __init__(self, *, name: str | None = None, trainable: bool = True, dtype: Any = None, **unknown: Any) -> None:
        cls = type(self)
        refuse(cls.__name__, unknown, (*cls.settings, "name", "trainable", "dtype"))
        self.own_parameters: list[Parameter] = []
        self.name = name or unique_name(cls.__name__)
        self.trainable = trainable
        self.dtype = None if dtype is None else float_type(cls.__name__, dtype)
        self.input_shape: tuple[int, ...] | None = None  # of one sample; None until the layer is built

    # --- what a subclass gives

    def build(self, shape: tuple[int, ...]) -> None:
        """Make the weights for samples of this shape; the base has none."""

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of one output sample; the base keeps its input's."""
        return shapes[0]

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        raise TypeError(f"{type(self).__name__} has neither `lower` nor `call`: give it a `call(self, x)` of layers")

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        """Multiplications with an addition that one sample costs, forward."""
        return 0

    def window(self, shape: tuple[int, ...]) -> Window | None:
        """The window of samples of this shape that one output sees; None for all of the image."""
        return Window()

    # --- calling

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        if isinstance(x, Node) or (isinstance(x, (list, tuple)) and x and isinstance(x[0], Node)):
            return self.record(x, training)
        return self._compute(x, bool(training))

    def record(self, x: Any, training: bool | None) -> Any:
        own_call = getattr(type(self), "call", None)
        if own_call is not None:
            return call_with_training(self.call, x, training if training is not None else x.graph.training)  # type: ignore[attr-defined]
        inputs = tuple(x) if isinstance(x, (list, tuple)) else (x,)
        if len(inputs) != self.inputs:
            raise ValueError(f"{self.name}: takes {self.inputs} input(s), got {len(inputs)}")
        shapes = tuple(node.sample_shape for node in inputs)
        self.ensure_built(shapes[0], inputs[0].graph.dtype)
        return inputs[0].graph.add(self, inputs, self.output_shape(*shapes), training)

    def _compute(self, x: Any, training: bool) -> np.ndarray:
        from convnet.engine.plan import Plan

        if isinstance(x, (list, tuple)) and any(isinstance(v, np.ndarray) for v in x):
            raise ValueError(f"{self.name}: takes one array, got a {type(x).__name__} of {len(x)}: use numpy.stack")
        x = np.asarray(x)
        if x.ndim < 1 or x.dtype.kind not in "fiub":
            raise ValueError(f"{self.name}: expected a batch of real numbers, got {x.dtype} of shape {x.shape}")
        dtype = self.dtype or np.dtype(np.float32)
        graph = record(lambda node: self.record(node, None), x.shape[1:], dtype, training, self.name)
        return Plan(graph, len(x), training=training).run(x)

    def ensure_built(self, shape: tuple[int, ...], dtype: Any) -> None:
        """Make the weights at the first call; later calls must bring samples that fit them."""
        if self.dtype is not None and self.dtype != dtype:
            raise ValueError(f"{self.name}: this layer is {self.dtype}, the model {dtype}: give both the same dtype")
        if self.input_shape is None:
            self.dtype = np.dtype(dtype)
            self.build(shape)
            self.input_shape = shape
        elif self.own_parameters and shape != self.input_shape:
            self.check_shape(shape)

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """ValueError where samples of another shape than the first do not fit the weights."""
        assert self.input_shape is not None
        if shape[-1] != self.input_shape[-1]:
            raise ValueError(
                f"{self.name} was built for samples of shape {self.input_shape}, now called on {shape}: the last axis "
                f"(channels) must stay {self.input_shape[-1]}; make a new layer for other inputs"
            )

    # --- explaining

    def explain(self, x: Any, *index: int) -> Any:
        """One output, y[index], for a batch x of this layer's inputs: its formula's terms, and the kernel's number.

        conv.explain(x, n, i, j, f); dense.explain(x, n, f). The result prints as a table; `.terms` has all terms,
        `.holds` says whether sum and kernel agree within the rounding bound.
        """
        from convnet.terms.explain import explain_layer

        return explain_layer(self, x, index)

    def explain_backward(self, x: Any, dy: Any, *index: int, of: str = "x") -> Any:
        """One number of the gradient with respect to `of`, where dy = dL/dy: every term of the chain rule.

        of="x" (the input), "y" (the output), "z" (what the activation reads) or a weight's name: "kernel", "bias", ...
        conv.explain_backward(x, dy, n, h, w, c); conv.explain_backward(x, dy, p, q, c, f, of="kernel").
        """
        from convnet.terms.explain import explain_layer_backward

        return explain_layer_backward(self, x, dy, index, of)

    def _repr_html_(self) -> str:
        from convnet.terms.display import layer_table

        return layer_table(self)._repr_html_()

    # --- weights

    def add_weight(self, name: str, shape: tuple[int, ...], initializer: str, trainable: bool = True) -> Parameter:
        value = initializers.make(initializer, shape, self.dtype)
        parameter = Parameter(f"{self.name}/{name}", value, trainable, initializer)
        self.own_parameters.append(parameter)
        return parameter

    @property
    def layers(self) -> list[Layer]:
        """The layers kept in attributes, also in lists and dicts of them, in that order, each once."""
        return list(dict.fromkeys(found for value in vars(self).values() for found in _layers_in(value)))

    @property
    def trainable(self) -> bool:
        """False: no gradients for this layer's weights, nor for those of the layers in it, when set on a whole."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for layer in self.layers:
            layer.trainable = value

    def __getattr__(self, name: str) -> Any:
        if "own_parameters" not in vars(self):
            raise RuntimeError(f"{type(self).__name__}.__init__ must call super().__init__() before anything else")
        raise AttributeError(f"{type(self).__name__} {vars(self).get('name')!r} has no attribute {name!r}")

    @property
    def parameters(self) -> list[Parameter]:
        """This layer's weights, then those of the layers in it."""
        inner = (p for layer in self.layers for p in layer.parameters)
        return list(dict.fromkeys((*self.own_parameters, *inner)))

    @property
    def weights(self) -> list[np.ndarray]:
        """Copies of the weight arrays."""
        return [p.value.copy() for p in self.parameters]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the weight arrays, in the order that set_weights takes."""
        return self.weights

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Overwrite all weights; ValueError, and nothing changed, unless number and shapes fit."""
        set_parameters(self.name, self.parameters, weights)

    def count_params(self) -> int:
        """Numbers in all weights."""
        return sum(p.value.size for p in self.parameters)

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs to make this layer again; plain JSON types."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        if self.dtype is not None:
            config["dtype"] = str(self.dtype)
        return config | {name: getattr(self, name) for name in self.settings}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items() if k not in ("trainable", "dtype"))
        return f"{type(self).__name__}({arguments})"


def _layers_in(value: Any) -> Iterator[Layer]:
    """The layers in an attribute's value: one, or those in a list, tuple or dict."""
    if isinstance(value, Layer):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _layers_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _layers_in(item)


def set_parameters(where: str, parameters: list[Parameter], weights: Any) -> None:
    """Copy `weights` into the parameters once all of them were checked."""
    arrays = [np.asarray(w) for w in weights]
    if [a.shape for a in arrays] != [p.value.shape for p in parameters]:
        wanted = ", ".join(f"{p.name} {p.value.shape}" for p in parameters)
        raise ValueError(f"{where}: set_weights expects {wanted}; got shapes {[a.shape for a in arrays]}")
    for p, a in zip(parameters, arrays, strict=True):
        p.value[...] = a


def call_with_training(call: Any, x: Any, training: bool | None) -> Any:
    """`call(x)`, or `call(x, training=...)` where its signature has that argument."""
    return call(x, training=training) if takes_training(type(call.__self__).call) else call(x)


@cache
def takes_training(call: Any) -> bool:
    """Does the `call` of a user's class ask for the mode?"""
    return "training" in signature(call).parameters
