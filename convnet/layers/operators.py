"""+ - * / on the outputs of layers, as Keras's tensors have them: each is a layer of its own."""

from __future__ import annotations

from typing import Any

from convnet.engine.graph import Node
from convnet.layers.merging import Add, Divide, Multiply, Subtract
from convnet.layers.scaling import Rescaling

MERGING = {"+": Add, "-": Subtract, "*": Multiply, "/": Divide}


def compute(symbol: str, a: Any, b: Any, name: str | None = None) -> Node:
    """Return a + b, a - b, a * b or a / b of two nodes by a layer that merges, of a node and a number by Rescaling."""
    if isinstance(a, Node) and isinstance(b, Node):
        return MERGING[symbol](name=name)([a, b])
    node, number = (a, float(b)) if isinstance(a, Node) else (b, float(a))
    if symbol == "/":
        if node is b:
            raise ValueError(f"a number divided by the output of {node.name!r} is not supported: divide by a number")
        if number == 0:
            raise ZeroDivisionError(f"the output of {node.name!r} is divided by 0")
        return Rescaling(1 / number, name=name)(node)
    if symbol == "*":
        return Rescaling(number, name=name)(node)
    if symbol == "-" and node is a:
        return Rescaling(1.0, -number, name=name)(node)
    return Rescaling(-1.0 if symbol == "-" else 1.0, number, name=name)(node)


Node.arithmetic = staticmethod(compute)
