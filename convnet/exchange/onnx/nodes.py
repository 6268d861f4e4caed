"""A graph's nodes as plain records, sorted so that each comes after what it reads."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
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
    """Return the graph's nodes, sorted."""
    return sort([_read_node(node) for node in model.graph.node], {t.name for t in model.graph.initializer})


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
    except (ValueError, TypeError) as error:
        raise OnnxError(f"tensor {tensor.name!r} of shape {tuple(tensor.dims)} is damaged: {error}") from None


def sort(nodes: list[OnnxNode], given: set[str]) -> list[OnnxNode]:
    """Return the nodes in an order in which each comes after those that it reads, the given order otherwise kept.

    Names that no node makes are inputs. OnnxError for nodes that wait for each other.
    """
    makers = {name: node for node in nodes for name in node.outputs if name and name not in given}
    waits = {id(node): len({id(makers[n]) for n in node.inputs if n in makers}) for node in nodes}
    readers: dict[int, list[OnnxNode]] = {id(node): [] for node in nodes}
    for node in nodes:
        for maker in {id(makers[n]) for n in node.inputs if n in makers}:
            readers[maker].append(node)
    ready = deque(node for node in nodes if not waits[id(node)])
    done: list[OnnxNode] = []
    while ready:
        node = ready.popleft()
        done.append(node)
        for reader in readers[id(node)]:
            waits[id(reader)] -= 1
            if not waits[id(reader)]:
                ready.append(reader)
    if len(done) < len(nodes):
        stuck = next(node for node in nodes if waits[id(node)])
        raise OnnxError(f"{stuck.title}: it waits for its own output: the graph has a cycle")
    return done


def count_readers(nodes: list[OnnxNode], outputs: list[str]) -> Counter[str]:
    """Return how many nodes read each value; being the model's output counts as well."""
    return Counter([*(name for node in nodes for name in node.inputs if name), *outputs])
