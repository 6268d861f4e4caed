"""The order in which Keras lists the layers of a connected model, and with them their parameters."""

from __future__ import annotations

from convnet.engine.graph import Call, Graph
from convnet.engine.operator import Operator


def keras_order(graph: Graph) -> list[Operator]:
    """Return the layers of a finished graph as Keras's functional models do.

    A layer farther from the output comes first; its distance is the longest way. Layers of one distance come in the
    order in which a walk back from the output meets them, each call's inputs in order.
    Source: Keras 3, `map_graph` in keras/src/ops/function.py.
    """
    makers = {id(node): call for call in graph.calls for node in call.outputs}
    met, finished = _walk(graph, makers)
    of_call: dict[int, int] = {}
    of_layer: dict[Operator, int] = {}
    for call in reversed(finished):  # outputs before inputs
        depth = max(of_call.get(id(call), 0), of_layer.get(call.layer, 0))
        of_call[id(call)] = of_layer[call.layer] = depth
        for node in call.inputs:
            if (maker := makers.get(id(node))) is not None:
                of_call[id(maker)] = max(depth + 1, of_call.get(id(maker), 0))
    return sorted(met, key=lambda layer: -of_layer[layer])


def _walk(graph: Graph, makers: dict[int, Call]) -> tuple[list[Operator], list[Call]]:
    """Walk back from the output: the layers as they are met first, and the calls once all before them are done."""
    met: dict[Operator, None] = {}
    finished: dict[int, Call] = {}
    for output in graph.outputs:
        start = makers.get(id(output))
        stack = [] if start is None or id(start) in finished else [(start, 0)]
        while stack:  # a stack of its own: a deep network has more calls than Python lets functions nest
            call, at = stack.pop()
            met.setdefault(call.layer)
            if at == len(call.inputs):
                finished.setdefault(id(call), call)
                continue
            stack.append((call, at + 1))
            maker = makers.get(id(call.inputs[at]))
            if maker is not None and id(maker) not in finished:
                stack.append((maker, 0))
    return list(met), list(finished.values())
