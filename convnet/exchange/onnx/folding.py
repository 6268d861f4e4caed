"""Operators on numbers that are known, computed while the file is read, by the onnx package's own reference in NumPy.

Shapes are computed for two numbers of images: what comes out the same does not depend on it.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from convnet.exchange.onnx.errors import OnnxError
from convnet.exchange.onnx.nodes import OnnxNode
from convnet.exchange.onnx.package import onnx
from convnet.exchange.onnx.values import Constant, constant

MOST_NUMBERS = 2**28  # in one folded array
_ELEMENTWISE = (
    *("Abs", "Add", "And", "Cast", "CastLike", "Ceil", "Clip", "Div", "Equal", "Exp", "Floor", "Greater", "Identity"),
    *("Less", "Log", "Max", "Min", "Mod", "Mul", "Neg", "Not", "Or", "Pow", "Reciprocal", "Relu", "Round", "Sigmoid"),
    *("GreaterOrEqual", "LessOrEqual", "Sign", "Sqrt", "Sub", "Tanh", "Where", "Dropout"),
)
_NEVER_LARGER = (
    *(
        "Concat",
        "Flatten",
        "ReduceMax",
        "ReduceMean",
        "ReduceMin",
        "ReduceProd",
        "ReduceSum",
        "Reshape",
        "Shape",
        "Size",
    ),
    *("Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"),
)
FOLDABLE = frozenset(
    {*_ELEMENTWISE, *_NEVER_LARGER, "Constant", "ConstantOfShape", "Expand", "Gather", "Range", "Tile"}
)


def fold(node: OnnxNode, arguments: list[Constant | None], opset: int) -> list[Constant]:
    """Return a node's outputs; OnnxError where they would be too large, or cannot be computed."""
    first = _run(node, [None if a is None else a[0] for a in arguments], opset)
    if all(a is None or a.fixed for a in arguments):
        return [constant(array) for array in first]
    second = _run(node, [None if a is None else a[1] for a in arguments], opset)
    return [constant(one, other) for one, other in zip(first, second, strict=True)]


def _run(node: OnnxNode, arrays: list[np.ndarray | None], opset: int) -> list[np.ndarray]:
    if (count := _numbers(node, arrays)) > MOST_NUMBERS:
        raise OnnxError(f"{node.title}: would make {count} numbers; up to {MOST_NUMBERS} are made while a file is read")
    helper = onnx("helper")
    given = {f"i{k}": array for k, array in enumerate(arrays) if array is not None}
    names = [f"i{k}" if array is not None else "" for k, array in enumerate(arrays)]
    made = [name and f"o{k}" for k, name in enumerate(node.outputs)]
    attributes = {k: _tensor(v) for k, v in node.attributes.items()}
    inner = helper.make_node(node.operator, names, made, **attributes)
    info = onnx("helper").make_tensor_value_info
    types = [info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in given.items()]
    outputs = [helper.make_empty_tensor_value_info(name) for name in made if name]
    graph = helper.make_graph([inner], "fold", types, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    try:
        found = onnx("reference").ReferenceEvaluator(model).run(None, given)
    except Exception as error:  # whatever NumPy says of arguments that do not fit
        raise OnnxError(f"{node.title}: cannot be computed from its inputs: {error}") from None
    return [np.asarray(array) for array in found]


def _tensor(value: Any) -> Any:
    return onnx("numpy_helper").from_array(value) if isinstance(value, np.ndarray) else value


def _numbers(node: OnnxNode, arrays: list[np.ndarray | None]) -> int:
    """Return an upper bound of how many numbers the node makes."""
    given = [a for a in arrays if a is not None]
    total = sum(a.size for a in given)
    try:
        if node.operator == "ConstantOfShape":
            return prod(int(n) for n in given[0])
        if node.operator == "Expand":
            return prod(np.broadcast_shapes(given[0].shape, tuple(int(n) for n in given[1])))
        if node.operator == "Tile":
            return given[0].size * prod(int(n) for n in given[1])
        if node.operator == "Range":
            start, limit, step = (float(a.reshape(-1)[0]) for a in given)
            return int(abs((limit - start) / step)) + 1
        if node.operator == "Gather":
            return given[0].size * given[1].size
        if node.operator in _ELEMENTWISE:
            return prod(np.broadcast_shapes(*(a.shape for a in given)))
    except (ValueError, IndexError, OverflowError, ZeroDivisionError) as error:
        raise OnnxError(f"{node.title}: cannot be computed from its inputs: {error}") from None
    return total
