"""From recorded layer calls to operations: the list of steps that a plan binds to kernels and buffers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from convnet.engine.graph import Graph, Node

if TYPE_CHECKING:
    from convnet.layers.base import Layer, Parameter


@dataclass(eq=False)
class Value:
    """An array of the plan: the shape of one sample, and the value whose memory it shares, if any."""

    shape: tuple[int, ...]
    alias: Value | None = None


@dataclass(eq=False)
class Step:
    """One operation: what it reads, what it makes, its weights, its settings in normal form."""

    operation: str
    inputs: tuple[Value, ...]
    output: Value
    layer: Layer
    parameters: tuple[Parameter, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def trains(self) -> bool:
        """Has it weights that get a gradient?"""
        return self.layer.trainable and any(p.trainable for p in self.parameters)


@dataclass(eq=False)
class Lowering:
    """The steps of a graph in one mode."""

    training: bool
    steps: list[Step] = field(default_factory=list)
    input: Value = field(init=False)
    output: Value = field(init=False)
    values: dict[int, Value] = field(default_factory=dict)  # id of a node -> its value
    spans: dict[int, slice] = field(default_factory=dict)  # id of a call's output -> its steps, before any rewrite

    def steps_of(self, output: Node) -> list[Step]:
        """The operations of the call that made this node (where the steps were not rewritten)."""
        return self.steps[self.spans[id(output)]]

    def emit(
        self,
        operation: str,
        inputs: tuple[Value, ...],
        shape: tuple[int, ...],
        layer: Layer,
        parameters: tuple[Parameter, ...] = (),
        in_place: bool = False,
        **settings: Any,
    ) -> Value:
        """Add a step and return its output; `in_place`: the output takes over its input's memory."""
        output = Value(tuple(shape), inputs[0] if in_place else None)
        self.steps.append(Step(operation, inputs, output, layer, parameters, settings))
        return output


def lower(graph: Graph, training: bool) -> Lowering:
    """Turn each call of the graph into its layer's operations."""
    low = Lowering(training)
    low.input = low.values[id(graph.input)] = Value(graph.input.sample_shape)
    for call in graph.calls:
        low.training = training if call.training is None else call.training
        first = len(low.steps)
        low.values[id(call.output)] = call.layer.lower(low, *(low.values[id(node)] for node in call.inputs))
        low.spans[id(call.output)] = slice(first, len(low.steps))
    low.training = training
    low.output = low.values[id(graph.output)]
    return low


def value_of(low: Lowering, node: Node | Value) -> Value:
    """The value that holds a recorded node's numbers; a value is its own."""
    return node if isinstance(node, Value) else low.values[id(node)]
