"""Recording: a model's `call` runs once on symbolic nodes; what it did is a list of layer calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from numbers import Real
from typing import Any, ClassVar, NoReturn

import numpy as np

from convnet.engine.operator import Operator
from convnet.nested.several import each_shape
from convnet.nested.structure import Structure, leaves, rebuild


@dataclass(eq=False)
class Node:
    """The output of a layer while a model is recorded: a shape and where it came from, no numbers yet."""

    graph: Graph
    sample_shape: tuple[int, ...]
    name: str
    maker: Call | None = None  # the call that it came out of; None for an input

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Keras's shape: None stands for the number of images."""
        return (None, *self.sample_shape)

    @property
    def dtype(self) -> np.dtype:
        """The recorded model's dtype."""
        return self.graph.dtype

    arithmetic: ClassVar[Callable[[str, Any, Any], Node]]  # the layers that compute a + b and its like put it here

    def __add__(self, other: Any) -> Node:
        return _compute(self, "+", self, other)

    def __radd__(self, other: Any) -> Node:
        return _compute(self, "+", other, self)

    def __sub__(self, other: Any) -> Node:
        return _compute(self, "-", self, other)

    def __rsub__(self, other: Any) -> Node:
        return _compute(self, "-", other, self)

    def __mul__(self, other: Any) -> Node:
        return _compute(self, "*", self, other)

    def __rmul__(self, other: Any) -> Node:
        return _compute(self, "*", other, self)

    def __truediv__(self, other: Any) -> Node:
        return _compute(self, "/", self, other)

    def __neg__(self) -> Node:
        return _compute(self, "*", self, -1.0)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):  # NumPy and copy ask for these; no `call` uses them
            raise AttributeError(name)
        _no(self, f".{name}")

    __array_priority__ = 1000  # numpy_array + node comes to us

    def __array_ufunc__(self, ufunc: Any, *_: Any, **__: Any) -> NoReturn:
        _no(self, f"numpy.{ufunc.__name__}")

    def __array_function__(self, function: Any, *_: Any, **__: Any) -> NoReturn:
        _no(self, f"numpy.{function.__name__}")

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        _no(self, "conversion to a NumPy array")


def _compute(node: Node, symbol: str, a: Any, b: Any) -> Node:
    """Return the output of the layer that computes a + b, a - b, a * b or a / b; one of them may be a number."""
    other = b if a is node else a
    if not isinstance(other, Node) and (isinstance(other, bool) or not isinstance(other, Real)):
        _no(node, f"{symbol} with a {type(other).__name__}")
    return Node.arithmetic(symbol, a, b)


def _no(node: Node, what: str) -> NoReturn:
    raise TypeError(
        f"{what} on the output of {node.name!r}, shape {node.shape}: `call` is recorded on symbolic nodes, which hold "
        "no numbers, so only layers, nested models and + - * / with another output or a number can be used there. Use "
        "convnet.layers (Activation, Add, Flatten, ...), or compute with NumPy outside of `call`"
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
    "__rtruediv__": "a number divided by it",
    **{f"__{r}pow__": "**" for r in ("", "r")},
    "__matmul__": "@",
    "__lt__": "<",
    "__le__": "<=",
    "__gt__": ">",
    "__ge__": ">=",
}.items():
    setattr(Node, _name, _refuser(_symbol))


_serial = count()


@dataclass(eq=False)
class Call:
    """One use of a layer: which nodes went in, which came out. `training`: None follows the plan's mode.

    `takes` is the structure of what it was called on. Only a model, or a layer with a `call`, has several outputs, and
    only while a model is connected: in a recording there are the calls that its own `call` makes.
    """

    layer: Operator
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    training: bool | None = None
    takes: Any = None
    number: int = field(default_factory=lambda: next(_serial))  # later calls have larger ones

    @property
    def output(self) -> Node:
        """The output, of a layer that has one."""
        return self.outputs[0]


@dataclass(eq=False)
class Graph:
    """The recorded calls in order, from the inputs to the outputs."""

    dtype: np.dtype
    training: bool | None = None  # the mode it was recorded in; None: it is being connected from Input on, for both
    calls: list[Call] = field(default_factory=list)
    inputs: list[Node] = field(default_factory=list)
    outputs: list[Node] = field(default_factory=list)
    takes: Structure = field(default_factory=Structure)
    gives: Structure = field(default_factory=lambda: Structure(None, ("output",)))

    @property
    def input(self) -> Node:
        """The first input, which most models have only."""
        return self.inputs[0]

    @property
    def output(self) -> Node:
        """The first output, which most models have only."""
        return self.outputs[0]

    @property
    def output_shape(self) -> Any:
        """The shape of one output sample; the shapes, if there are several outputs."""
        return self.output.sample_shape if self.gives.bare else tuple(n.sample_shape for n in self.outputs)

    def start(self, sample_shape: tuple[int, ...], name: str = "input") -> Node:
        """Return the node of one more input, for samples of this shape."""
        node = Node(self, sample_shape, name)
        self.inputs.append(node)
        return node

    def add(self, layer: Operator, inputs: tuple[Node, ...], shape: tuple[int, ...], training: bool | None) -> Node:
        """Note a layer's call and return its output; a `training` equal to the recording's mode follows the plan's."""
        takes = None if len(inputs) == 1 else [None] * len(inputs)
        return self.add_call(layer, inputs, [shape], training, takes)[0]

    def add_call(
        self, layer: Operator, inputs: tuple[Node, ...], shapes: list[Any], training: bool | None, takes: Any
    ) -> tuple[Node, ...]:
        """Note a call whose outputs have these shapes, and return them."""
        for node in inputs:
            if node.graph is not self and not (node.graph.training is None and self.training is None):
                raise ValueError(
                    f"{layer.name}: its inputs are of different recordings: inside a `call`, use only what it was given"
                )
            if node.graph.dtype != self.dtype:
                raise ValueError(f"{layer.name}: its inputs are of {self.dtype} and {node.graph.dtype}: give all one")
        outputs = tuple(Node(self, shape, layer.name) for shape in shapes)
        call = Call(layer, inputs, outputs, None if training == self.training else training, takes)
        for node in outputs:
            node.maker = call
        if self.training is None:
            layer.uses.append(call)
        return outputs

    def finish(self, outputs: Any, what: str, checked: bool = True) -> Graph:
        """Set the outputs, and the calls that lead to them (unchecked: the outputs only)."""
        found = leaves(outputs)
        for node in found:
            if not isinstance(node, Node):
                raise TypeError(
                    f"{what} must return the output of a layer, or a list or dict of them, got {type(node).__name__}"
                )
        if not found:
            raise TypeError(f"{what} returns nothing: return the output of a layer, or a list or dict of them")
        self.outputs, self.gives = found, Structure.of(outputs, [node.name for node in found])
        self.calls = calls_between(self.inputs, found, what) if checked else []
        return self

    @cached_property
    def layers(self) -> list[Operator]:
        """The layers in the order of their first call, each once; to be asked once the graph is finished."""
        return list(dict.fromkeys(call.layer for call in self.calls))


def calls_between(inputs: list[Node], outputs: list[Node], what: str) -> list[Call]:
    """Return the calls that lead from the inputs to the outputs, in order; ValueError if another input is needed."""
    known, found = {id(node) for node in inputs}, {}
    open_ends = list(outputs)
    while open_ends:
        node = open_ends.pop()
        if id(node) in known:
            continue
        known.add(id(node))
        if node.maker is None:
            raise ValueError(f"{what}: the outputs also come from {node.name!r}, which is not among the inputs")
        if id(node.maker) not in found:
            found[id(node.maker)] = node.maker
            open_ends += node.maker.inputs
    return sorted(found.values(), key=lambda call: call.number)


def connect(inputs: Any, outputs: Any, what: str) -> Graph:
    """Return the finished graph between nodes that layers were called on."""
    starts = leaves(inputs)
    for node in starts:
        if not isinstance(node, Node):
            raise TypeError(f"{what}: inputs must be Input(...), or a list or dict of them, got {type(node).__name__}")
    if not starts:
        raise TypeError(f"{what}: inputs are empty: give Input(...), or a list or dict of them")
    if len({id(node) for node in starts}) < len(starts):
        raise ValueError(f"{what}: an input is given twice")
    graph = Graph(starts[0].graph.dtype)
    graph.inputs, graph.takes = starts, Structure.of(inputs, [node.name for node in starts])
    return graph.finish(outputs, f"{what}: outputs")


RECORDING = threading.RLock()


def record(
    call: Callable[[Any], Any],
    shape: tuple[Any, ...],
    dtype: Any,
    training: bool | None,
    what: str,
    takes: Structure | None = None,
) -> Graph:
    """Run `call` on symbolic images and keep what it did.

    call      what is run, on a node, or on nodes in the structure `takes`
    shape     of one image, without the batch axis; the shapes, if there are several
    dtype     of all numbers
    training  the mode
    what      its name, for errors
    takes     the structure of several inputs

    One thread at a time: layers make their parameters when they are first recorded, and two models may share them.
    """
    graph = Graph(np.dtype(dtype), training, takes=takes or Structure())
    with RECORDING:
        nodes = [graph.start(tuple(s), n) for s, n in zip(each_shape(tuple(shape)), graph.takes.names, strict=True)]
        return graph.finish(call(rebuild(graph.takes.skeleton, nodes)), what)


def has_nodes(given: Any) -> bool:
    """Return True for a node, and for a list, tuple or dict with one in it."""
    if isinstance(given, Node):
        return True
    return isinstance(given, (list, tuple, dict)) and any(has_nodes(v) for v in _items(given))


def _items(given: Any) -> Any:
    return given.values() if isinstance(given, dict) else given
