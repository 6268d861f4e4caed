"""From recorded layer calls to operations: the list of steps that a plan binds to kernels and buffers."""

from __future__ import annotations

from convnet.engine.graph import Graph, Node
from convnet.engine.operator import Lowering, Step, Value

# operations on the 8-bit levels of a quantized model; all others are on numbers
OF_LEVELS = frozenset(
    f"{name}_int8" for name in ("add", "avgpool2d", "conv2d", "convpool", "dense", "globalavgpool", "maxpool2d", "relu")
) | {"dequantize"}


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
    check_levels(low.steps)
    low.training = training
    low.outputs = [low.values[id(node)] for node in graph.outputs]
    return low


def check_levels(steps: list[Step]) -> None:
    """Raise ValueError for a step that would read another layer's 8-bit levels as numbers, or numbers as levels."""
    for step in steps:
        wants_levels = step.operation in OF_LEVELS
        for value in step.inputs:
            if step.operation != "reshape" and (value.dtype is not None) != wants_levels:
                takes, given = ("8-bit levels", "numbers") if wants_levels else ("numbers", "8-bit levels")
                raise ValueError(
                    f"{step.layer.name} ({step.operation}) takes {takes}, but what it is called on are {given}: "
                    f"put a {'Quantize' if wants_levels else 'Dequantize'} layer between them"
                )


def value_of(low: Lowering, node: Node | Value) -> Value:
    """Return the value that holds a recorded node's numbers; a value is its own."""
    return node if isinstance(node, Value) else low.values[id(node)]
