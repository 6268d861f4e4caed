"""From an ONNX file to a model of this engine."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from convnet import initializers
from convnet.exchange.onnx.conversion import Conversion
from convnet.exchange.onnx.errors import OnnxError
from convnet.exchange.onnx.interface import declared_inputs, finish_outputs, input_layout, with_shape
from convnet.exchange.onnx.nodes import array_of, read_nodes
from convnet.exchange.onnx.operators import OPERATORS
from convnet.exchange.onnx.package import PRODUCER
from convnet.exchange.onnx.patterns import simplify
from convnet.exchange.onnx.reading import opset_of, read_model
from convnet.exchange.onnx.values import Value, constant

TRIALS = (2, 3)  # numbers of images for which shapes are computed where the file leaves the number open


def load_onnx(
    path: str | os.PathLike[str],
    *,
    input_shapes: Mapping[str, Sequence[int | None]] | None = None,
    fold_batchnorm: bool = False,
) -> Any:
    """Return the model of an ONNX file: it predicts, is explained, trained, saved and run like any other.

    Images are channels-last here, (N, H, W, C), whatever the file has; `model.metadata["onnx"]` says for each input and
    output which axis of the file's each axis is. OnnxError names the operator and the node that is not supported.

    path            the file; data outside of it is read only from its folder
    input_shapes    shapes for inputs whose sizes the file leaves open, by name and in the file's order of axes
    fold_batchnorm  make each normalization that alone reads a convolution or a dense layer part of it
    """
    return convert(read_model(path), str(path), input_shapes, fold_batchnorm=fold_batchnorm)


def convert(
    proto: Any, where: str, input_shapes: Mapping[str, Sequence[int | None]] | None = None, **options: Any
) -> Any:
    """Return the model of a checked ModelProto; `where` is what errors call it."""
    from convnet.layers import Input
    from convnet.model import Model

    weights = {tensor.name: array_of(tensor) for tensor in proto.graph.initializer}
    outputs = [info.name for info in proto.graph.output]
    nodes = simplify(read_nodes(proto), outputs, weights)
    given = dict(input_shapes or {})
    declared = [with_shape(one, given.pop(one.name, None), where) for one in declared_inputs(proto, where)]
    if given:
        raise OnnxError(f"{where}: input_shapes names {sorted(given)}; its inputs are {[one.name for one in declared]}")
    if len({one.dtype for one in declared}) != 1:
        raise OnnxError(f"{where}: its inputs have types {[str(one.dtype) for one in declared]}: one type is needed")
    batch = declared[0].sizes[0]
    trials = (batch, batch) if batch else TRIALS
    conversion = Conversion(where, nodes, outputs, opset_of(proto), OPERATORS, trials, options=options)
    conversion.require_operators()
    conversion.values.update({name: constant(array, name=name) for name, array in weights.items()})
    starts, layouts = [], []
    with initializers.empty_weights(4 * sum(array.size for array in weights.values()) + 2**20):
        for one in declared:
            layout, axes = input_layout(one, nodes, weights, proto.producer_name == PRODUCER)
            shape = tuple(one.sizes[a + 1] for a in axes) or (1,)  # a row of single numbers has an axis here
            node = Input(shape, str(one.dtype), name=one.name)
            starts.append(node)
            layouts.append([0, *(a + 1 for a in axes)])
            conversion.values[one.name] = Value(node, layout)
        conversion.run()
        ends, labels, classes = finish_outputs(conversion)
        nodes_out = [end.node for end in ends]
        model = Model(starts if len(starts) > 1 else starts[0], nodes_out if len(ends) > 1 else nodes_out[0])
    model.metadata = ({"classes": list(classes)} if classes else {}) | _metadata(proto)
    model.metadata["onnx"] = {
        "producer": f"{proto.producer_name} {proto.producer_version}".strip(),
        "opset": opset_of(proto),
        "inputs": [{"name": d.name, "axes": axes} for d, axes in zip(declared, layouts, strict=True)],
        "outputs": [end.record for end in ends],
        **({"labels": labels} if labels else {}),
    }
    return model


def _metadata(proto: Any) -> dict[str, Any]:
    """Return what an export of ours wrote beside the graph: classes, preparation, calibration, notice."""
    text = next((entry.value for entry in proto.metadata_props if entry.key == "convnet"), "{}")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}
