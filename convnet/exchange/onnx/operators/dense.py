"""Gemm and MatMul: products with a matrix in the file, whose rows are put into the order of the engine's array."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.layout import Layout, order_rows, plain
from convnet.exchange.onnx.nodes import OnnxNode
from convnet.exchange.onnx.operators.normalization import folded
from convnet.exchange.onnx.values import Constant, Value, reshape


def gemm(call: Call) -> Value:
    """Convert Gemm: alpha * A B + beta * C with a matrix B and a row C that the file holds."""
    if call.attribute("transA", 0):
        call.refuse("transA=1 would exchange the images' axis: export it with transA=0")
    matrix, bias = call.numbers(1), call.bias(2)
    if matrix is None or matrix.ndim != 2:
        call.refuse("its input 2 must be a matrix")
    matrix = np.float32(call.attribute("alpha", 1.0)).astype(matrix.dtype) * (
        matrix.T if call.attribute("transB", 0) else matrix
    )
    if bias is not None:
        bias = _row(call, bias, matrix.shape[1]) * np.float32(call.attribute("beta", 1.0)).astype(bias.dtype)
    rows, bias, last = folded(call, matrix.T, bias)
    return _dense(call, rows.T, bias, last)


def matmul(call: Call) -> Value:
    """Convert MatMul with a matrix that the file holds, and the Add of a row that alone reads it."""
    matrix = call.numbers(1)
    if matrix is None or matrix.ndim != 2:
        shape = None if matrix is None else matrix.shape
        call.refuse(f"only a product with one matrix that the file holds is supported, got {shape}")
    bias, last = _following_bias(call, matrix.shape[1])
    return _dense(call, matrix, bias, last)


def _row(call: Call, bias: np.ndarray, columns: int) -> np.ndarray:
    if bias.size not in (1, columns) or (bias.ndim == 2 and bias.shape[0] != 1):
        call.refuse(f"its input 3 must be one row of {columns} numbers, got shape {bias.shape}")
    return np.broadcast_to(bias.reshape(-1), (columns,))


def _following_bias(call: Call, columns: int) -> tuple[np.ndarray | None, OnnxNode]:
    reader = call.conversion.sole_reader(call.node.outputs[0])
    if reader is None or reader.operator != "Add" or call.shares():
        return None, call.node
    other = next((name for name in reader.inputs if name != call.node.outputs[0]), "")
    found = call.conversion.values.get(other)
    if not isinstance(found, Constant) or not found.fixed or found.array.shape[-1:] != (columns,):
        return None, call.node
    if found.array.size != columns or found.array.ndim > len(call.value().shape) + 1:
        return None, call.node
    call.absorb(reader)
    return found.array.reshape(-1), reader


def _dense(call: Call, matrix: np.ndarray, bias: np.ndarray | None, last: OnnxNode) -> Value:
    """Make the layer: Dense on vectors; on more axes a 1x1 convolution, which is the same product at every place."""
    from convnet.layers import Conv2D, Dense

    x = call.value()
    if not x.shape or x.shape[-1] != matrix.shape[0]:
        call.refuse(f"a value of shape (N, {', '.join(map(str, x.shape))}) does not fit a matrix of {matrix.shape}")
    rows = x.as_rows(len(x.shape) - 1)
    atoms = x.layout.axes[-1]
    order = x.layout.order[len(x.layout.order) - len(atoms) :]
    matrix = order_rows(matrix, atoms, order)
    settings: dict[str, Any] = {"use_bias": bias is not None, "activation": _activation(call, last, len(x.shape))}
    parameters = {} if bias is None else {"bias": np.ascontiguousarray(bias)}
    if len(x.shape) == 1:
        node = call.layer(Dense, rows.node, parameters | {"kernel": matrix}, units=matrix.shape[1], **settings)
        return call.done(Value(node, plain((matrix.shape[1],))))
    places = rows.node.sample_shape[:-1]
    before = reshape(rows.node, (1, int(np.prod(places)), matrix.shape[0]))
    kernel = {"kernel": matrix[None, None]}
    node = call.layer(Conv2D, before, parameters | kernel, filters=matrix.shape[1], kernel_size=(1, 1), **settings)
    front = Layout(x.layout.axes[:-1], x.layout.order[: len(x.layout.order) - len(atoms)])
    new = plain((matrix.shape[1],))
    return call.done(Value(node, Layout((*front.axes, *new.axes), (*front.order, *new.order))))


def _activation(call: Call, last: OnnxNode, rank: int) -> str | None:
    """Return the activation that alone reads the layer; softmax as well, if it is over a vector."""
    reader = call.conversion.sole_reader(last.outputs[0])
    if reader is not None and reader.operator == "Softmax" and rank == 1 and not call.shares():
        default = 1 if call.conversion.opset < 13 else -1
        if reader.attributes.get("axis", default) in (1, -1):
            call.absorb(reader)
            return "softmax"
    return call.absorb_activation(last.outputs[0])


OPERATORS: dict[str, Convert] = {"Gemm": gemm, "MatMul": matmul}
