"""What is done to a graph's nodes before they are converted: the unread dropped, a spelled-out gelu made one node."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

import numpy as np

from convnet.exchange.onnx.nodes import OnnxNode


def simplify(nodes: list[OnnxNode], outputs: list[str], weights: dict[str, np.ndarray]) -> list[OnnxNode]:
    """Return the nodes that the outputs need, in their order."""
    return needed(_Graph(needed(nodes, outputs), outputs, weights).with_gelu(), outputs)


def needed(nodes: list[OnnxNode], outputs: Iterable[str]) -> list[OnnxNode]:
    """Return the nodes without those that no output depends on."""
    read, kept = set(outputs), []
    for node in reversed(nodes):
        if read.intersection(node.outputs):
            kept.append(node)
            read.update(node.inputs)
    return kept[::-1]


class _Graph:
    """Who makes and who reads each value, and which single numbers the graph holds."""

    def __init__(self, nodes: list[OnnxNode], outputs: list[str], weights: dict[str, np.ndarray]) -> None:
        self.nodes, self.outputs = nodes, outputs
        self.makers = {name: node for node in nodes for name in node.outputs if name}
        self.readers: dict[str, list[OnnxNode]] = {}
        for node in nodes:
            for name in set(node.inputs):
                self.readers.setdefault(name, []).append(node)
        constants = {node.outputs[0]: _number(node) for node in nodes if node.operator == "Constant"}
        self.numbers = {name: array for name, array in (constants | weights).items() if np.size(array) == 1}

    def with_gelu(self) -> list[OnnxNode]:
        """Return the nodes with Gelu for x / 2 * (1 + erf(x / sqrt(2))), as files before opset 20 spell it."""
        ends = {}
        for node in self.nodes:
            if node.operator == "Erf" and (found := self._gelu(node)):
                x, end = found
                ends[id(end)] = OnnxNode("Gelu", end.name, (x,), end.outputs)
        return [ends.get(id(node), node) for node in self.nodes]

    def _gelu(self, erf: OnnxNode) -> tuple[str, OnnxNode] | None:
        """Return x and the node at the end, if the formula stands around this node."""
        x = self._scaled(erf.inputs[0], sqrt(0.5))
        more = self._sole_reader(erf)
        if x is None or more is None or more.operator != "Add" or not self._is(self._other(more, erf), 1.0):
            return None
        product = self._sole_reader(more)
        if product is None or product.operator != "Mul":
            return None
        factor = self._other(product, more)
        if self._scaled(factor, 0.5) == x:
            return x, product
        if factor == x:
            end = self._sole_reader(product)
            return (x, end) if end is not None and self._scaled(end.outputs[0], 0.5) == product.outputs[0] else None
        if self._is(factor, 0.5):
            end = self._sole_reader(product)
            return (x, end) if end is not None and end.operator == "Mul" and self._other(end, product) == x else None
        return None

    def _sole_reader(self, node: OnnxNode) -> OnnxNode | None:
        name = node.outputs[0]
        found = self.readers.get(name, [])
        return found[0] if len(found) == 1 and name not in self.outputs else None

    @staticmethod
    def _other(node: OnnxNode, maker: OnnxNode) -> str:
        """Return the one of a node's two inputs that `maker` does not make."""
        return next((name for name in node.inputs if name != maker.outputs[0]), "")

    def _is(self, name: str, number: float) -> bool:
        return name in self.numbers and bool(np.isclose(np.ravel(self.numbers[name])[0], number, rtol=1e-4, atol=0))

    def _scaled(self, name: str, factor: float) -> str | None:
        """Return what a value is `factor` times of; None if it is not that."""
        node = self.makers.get(name)
        if node is None or node.operator not in ("Mul", "Div"):
            return None
        first, second = node.inputs
        if node.operator == "Div":
            return first if self._is(second, 1 / factor) else None
        if self._is(second, factor):
            return first
        return second if self._is(first, factor) else None


def _number(node: OnnxNode) -> np.ndarray:
    """Return what a Constant holds; nothing unless it is an array or a float."""
    found = node.attributes.get("value", node.attributes.get("value_float"))
    return np.asarray([] if found is None else found)
