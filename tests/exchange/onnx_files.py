"""Small ONNX models for tests, made by onnx.helper."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def model(nodes, inputs, outputs, weights=None, opset=20, **settings):
    """A ModelProto: nodes as (operator, inputs, outputs, attributes), shapes by name, weights as arrays."""
    made = [
        helper.make_node(op, ins.split(" "), outs.split(" "), name=f"{op}_{k}", **a)
        for k, (op, ins, outs, a) in enumerate(nodes)
    ]
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)  # noqa: E731
    graph = helper.make_graph(
        made,
        "test",
        [info(*pair) for pair in inputs.items()],
        [info(*pair) for pair in outputs.items()],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **settings)
    proto.ir_version = min(proto.ir_version, 10)
    return proto


def save(path, *arguments, **settings):
    path.write_bytes(model(*arguments, **settings).SerializeToString())
    return path
