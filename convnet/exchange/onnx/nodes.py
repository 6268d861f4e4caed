"""A graph's nodes: sorted so that each comes after what it reads, and as plain records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

import numpy as np

from convnet.exchange.onnx.errors import OnnxError
from convnet.exchange.onnx.package import onnx


@dataclass(frozen=True, eq=False)
class OnnxNode:
    """One operation of the graph: names of values in and out, and attributes as numbers, texts and arrays."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The operator and the node, as errors name it."""
        return f"{self.operator} (node {self.name or self.outputs[0]!r})"


def read_nodes(model: Any) -> list[OnnxNode]:
    """Return the nodes of a graph that is sorted."""
    return [_read_node(node) for node in model.graph.node]


def _read_node(node: Any) -> OnnxNode:
    operator = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
    attributes = {a.name: _plain(a) for a in node.attribute}
    return OnnxNode(operator, node.name, tuple(node.input), tuple(node.output), attributes)


def _plain(attribute: Any) -> Any:
    kinds = onnx().AttributeProto
    if attribute.type in (kinds.GRAPH, kinds.GRAPHS, kinds.SPARSE_TENSOR, kinds.SPARSE_TENSORS, kinds.TYPE_PROTO):
        return None  # operators that have these are not supported, and are refused by name
    value = onnx("helper").get_attribute_value(attribute)
    if attribute.type == kinds.TENSOR:
        return array_of(value)
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def array_of(tensor: Any) -> np.ndarray:
    """Return a tensor's numbers; OnnxError if they do not fit its shape."""
    try:
        return np.asarray(onnx("numpy_helper").to_array(tensor))
    except (ValueError, TypeError, KeyError) as error:
        raise OnnxError(f"tensor {tensor.name!r} of shape {tuple(tensor.dims)} is damaged: {error}") from None


def sort_graph(graph: Any) -> None:
    """Put the nodes of a GraphProto in an order in which each comes after those that it reads, others left as they are.

    OnnxError for nodes that wait for each other.
    """
    nodes = list(graph.node)
    given = {tensor.name for tensor in graph.initializer}
    makers = {name: k for k, node in enumerate(nodes) for name in node.output if name and name not in given}
    reads = [{makers[name] for name in node.input if name in makers} for node in nodes]
    readers: list[list[int]] = [[] for _ in nodes]
    for k, made_by in enumerate(reads):
        for maker in made_by:
            readers[maker].append(k)
    waits = [len(made_by) for made_by in reads]
    ready = [k for k in range(len(nodes)) if not waits[k]]
    done: list[int] = []
    while ready:
        k = heappop(ready)
        done.append(k)
        for reader in readers[k]:
            waits[reader] -= 1
            if not waits[reader]:
                heappush(ready, reader)
    if len(done) < len(nodes):
        stuck = _read_node(next(node for k, node in enumerate(nodes) if waits[k]))
        raise OnnxError(f"{stuck.title}: it waits for its own output: the graph has a cycle")
    if done != sorted(done):
        del graph.node[:]
        graph.node.extend(nodes[k] for k in done)


def count_readers(nodes: list[OnnxNode], outputs: list[str]) -> Counter[str]:
    """Return how many nodes read each value; being the model's output counts as well."""
    return Counter([*(name for node in nodes for name in node.inputs if name), *outputs])
