"""From a model of this engine to an ONNX file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import convnet
from convnet.engine.lowering import lower
from convnet.exchange.onnx.errors import OnnxError
from convnet.exchange.onnx.operations import OPERATIONS
from convnet.exchange.onnx.package import PRODUCER, onnx
from convnet.exchange.onnx.writer import IR_VERSION, Writer
from convnet.notice import NOTICE
from convnet.output.atomic import write_atomically
from convnet.wiring import check_same_in_inference


def export_onnx(model: Any, filepath: str | Path) -> None:
    """Write a model as an ONNX file, whole or not at all; OnnxError if an operation cannot be written.

    Inputs and outputs are those of `predict`: the same arrays, channels last. The file's metadata has the notice, the
    classes, and all that the model file records of its training (preparation, calibration) as JSON in `convnet`.
    """
    path = Path(filepath)
    if path.suffix.lower() != ".onnx":
        raise ValueError(f"{path}: export writes ONNX files: give a name in .onnx")
    with model.reading():
        content = to_proto(model).SerializeToString()
    write_atomically(path, content)


def to_proto(model: Any) -> Any:
    """Return a model as a ModelProto that onnx.checker accepts."""
    graph = model.training_graph()
    check_same_in_inference(model, graph)
    low = lower(graph, training=False)
    writer = Writer(graph.dtype)
    helper = onnx("helper")
    kind = helper.np_dtype_to_tensor_dtype(graph.dtype)
    ends = (zip(low.inputs, graph.takes.names, strict=True), zip(low.outputs, graph.gives.names, strict=True))
    inputs = [_input(writer, value, name, kind) for value, name in ends[0]]
    _require_operations(model, low.steps)
    for step in low.steps:
        OPERATIONS[step.operation](writer, step)
    outputs = [_output(writer, value, name, kind) for value, name in ends[1]]
    tensors = [onnx("numpy_helper").from_array(array, name) for name, array in writer.constants.items()]
    made = helper.make_graph(writer.nodes, model.name, inputs, outputs, tensors)
    proto = helper.make_model(made, opset_imports=[helper.make_opsetid("", writer.opset)], producer_name=PRODUCER)
    proto.producer_version, proto.ir_version = convnet.__version__, IR_VERSION
    helper.set_model_props(proto, _metadata(model))
    onnx("checker").check_model(proto, full_check=True)
    return proto


def _require_operations(model: Any, steps: list[Any]) -> None:
    """Raise OnnxError that names the operations, and their layers, that cannot be written."""
    strange = {step.operation: step.layer.name for step in steps if step.operation not in OPERATIONS}
    if strange:
        listed = ", ".join(f"{operation} (layer {name!r})" for operation, name in strange.items())
        known = ", ".join(sorted(OPERATIONS))
        raise OnnxError(f"{model.name}: cannot be written as ONNX: {listed}; written are: {known}")


def _input(writer: Writer, value: Any, wish: str, kind: int) -> Any:
    name = writer.unique(wish)
    writer.set_last(value, name)
    return onnx("helper").make_tensor_value_info(name, kind, ["N", *value.shape])


def _output(writer: Writer, value: Any, wish: str, kind: int) -> Any:
    name = writer.node("Identity", [writer.last(value)], f"{wish}_output")
    return onnx("helper").make_tensor_value_info(name, kind, ["N", *value.shape])


def _metadata(model: Any) -> dict[str, str]:
    found = {"notice": str(model.metadata.get("notice") or NOTICE)}
    if classes := model.metadata.get("classes"):
        found["classes"] = json.dumps(classes)
    kept = {key: value for key, value in model.metadata.items() if key != "onnx"}
    return found | ({"convnet": json.dumps(kept, allow_nan=False)} if kept else {})
