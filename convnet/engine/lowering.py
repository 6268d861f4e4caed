"""From recorded layer calls to operations: the list of steps that a plan binds to kernels and buffers."""

from __future__ import annotations

from convnet.engine.graph import Graph, Node
from convnet.engine.operator import Lowering, Value


def lower(graph: Graph, training: bool) -> Lowering:
    """Turn each call of the graph into its layer's operations."""
    low = Lowering(training)
    for node in graph.inputs:
        low.values[id(node)] = Value(node.sample_shape)
    low.inputs = [low.values[id(node)] for node in graph.inputs]
    for call in graph.calls:
        low.training = training if call.training is None else call.training
        first = len(low.steps)
        low.values[id(call.output)] = call.layer.lower(low, *(low.values[id(node)] for node in call.inputs))
        low.spans[id(call.output)] = slice(first, len(low.steps))
    low.training = training
    low.outputs = [low.values[id(node)] for node in graph.outputs]
    return low


def value_of(low: Lowering, node: Node | Value) -> Value:
    """Return the value that holds a recorded node's numbers; a value is its own."""
    return node if isinstance(node, Value) else low.values[id(node)]
