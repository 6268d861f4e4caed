"""Recording: a model's `call` runs once on symbolic nodes; what it did is a list of layer calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NoReturn

import numpy as np

from convnet.engine.operator import Operator


@dataclass(eq=False)
class Node:
    """The output of a layer while a model is recorded: a shape and where it came from, no numbers yet."""

    graph: Graph
    sample_shape: tuple[int, ...]
    name: str

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Keras's shape: None stands for the number of images."""
        return (None, *self.sample_shape)

    @property
    def dtype(self) -> np.dtype:
        return self.graph.dtype

    addition: ClassVar[Callable[[Node, Node], Node]]  # the layer that adds puts itself here

    def __add__(self, other: Any) -> Node:
        if not isinstance(other, Node):
            _no(self, f"+ with a {type(other).__name__}")
        return Node.addition(self, other)

    __radd__ = __add__

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):  # NumPy and copy ask for these; nobody uses them in a `call`
            raise AttributeError(name)
        _no(self, f".{name}")

    __array_priority__ = 1000  # numpy_array + node comes to us

    def __array_ufunc__(self, ufunc: Any, *_: Any, **__: Any) -> NoReturn:
        _no(self, f"numpy.{ufunc.__name__}")

    def __array_function__(self, function: Any, *_: Any, **__: Any) -> NoReturn:
        _no(self, f"numpy.{function.__name__}")

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        _no(self, "conversion to a NumPy array")


def _no(node: Node, what: str) -> NoReturn:
    raise TypeError(
        f"{what} on the output of {node.name!r}, shape {node.shape}: `call` is recorded on symbolic nodes, which hold "
        "no numbers, so only layers, nested models and node + node can be used there. Use convnet.layers (Activation, "
        "Add, Flatten, ...), or compute with NumPy outside of `call`"
    )


def _refuser(symbol: str) -> Callable[..., NoReturn]:
    def method(self: Node, *_: Any) -> NoReturn:
        _no(self, symbol)

    return method


for _name, _symbol in {
    "__bool__": "if/while (a truth value)",
    "__len__": "len()",
    "__iter__": "a loop",
    "__getitem__": "[...] (slicing)",
    "__float__": "float()",
    "__int__": "int()",
    **{f"__{r}{n}__": s for n, s in (("sub", "-"), ("mul", "*"), ("truediv", "/"), ("pow", "**")) for r in ("", "r")},
    "__matmul__": "@",
    "__neg__": "-",
    "__lt__": "<",
    "__le__": "<=",
    "__gt__": ">",
    "__ge__": ">=",
}.items():
    setattr(Node, _name, _refuser(_symbol))


@dataclass(eq=False)
class Call:
    """One use of a layer: which nodes went in, which came out. `training`: None follows the plan's mode."""

    layer: Operator
    inputs: tuple[Node, ...]
    output: Node
    training: bool | None = None


@dataclass(eq=False)
class Graph:
    """The recorded calls in order, from one input to one output."""

    dtype: np.dtype
    training: bool | None = None  # the mode it was recorded in; None: it serves both
    calls: list[Call] = field(default_factory=list)
    input: Node = field(init=False)
    output: Node = field(init=False)

    def start(self, sample_shape: tuple[int, ...]) -> Node:
        self.input = self.output = Node(self, sample_shape, "input")
        return self.input

    def add(self, layer: Operator, inputs: tuple[Node, ...], shape: tuple[int, ...], training: bool | None) -> Node:
        """Note that `layer` was called; a flag equal to the mode of the recording follows the plan's mode."""
        for node in inputs:
            if node.graph is not self:
                raise ValueError(f"{layer.name}: its inputs were recorded from different Input nodes; use one Input")
        output = Node(self, shape, layer.name)
        self.calls.append(Call(layer, inputs, output, None if training == self.training else training))
        return output

    def finish(self, output: Any, what: str) -> Graph:
        """Set the output and drop the calls that do not lead to it."""
        if not isinstance(output, Node):
            raise TypeError(f"{what} must return the output of one layer, got {type(output).__name__}: return one node")
        self.output = output
        needed, kept = {id(output)}, []
        for call in reversed(self.calls):
            if id(call.output) in needed:
                needed |= {id(node) for node in call.inputs}
                kept.append(call)
        self.calls = kept[::-1]
        return self

    @cached_property
    def layers(self) -> list[Operator]:
        """The layers in the order of their first call, each once; to be asked once the graph is finished."""
        return list(dict.fromkeys(call.layer for call in self.calls))


def record(call: Callable[[Node], Any], shape: tuple[int, ...], dtype: Any, training: bool | None, what: str) -> Graph:
    """Run `call` on a symbolic image of the given shape (without the batch axis) and keep what it did."""
    graph = Graph(np.dtype(dtype), training)
    return graph.finish(call(graph.start(tuple(shape))), what)
