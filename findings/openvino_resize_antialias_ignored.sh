#!/usr/bin/env bash
# OpenVINO ignores antialias=1 in Resize.
#
# Guess    A runtime that accepts the model carries out its attributes, or refuses the model.
# Seen     Five values 1, 2, 4, 8, 16 reduced to three with mode "linear" and antialias=1: ONNX
#          Runtime 1.32.0 and onnx 1.23.2's reference give 1.375, 4.444, 13.0. OpenVINO 2026.4.1
#          gives 1.333, 4.0, 13.333, which is the result without antialiasing.
# Why      The attribute is new in opset 18 (ONNX operator changelog, Resize-18). PyTorch's dynamo
#          exporter writes it for interpolate(..., antialias=True).
# Cost     A model that reduces 512 x 512 to 224 x 224 within the graph sees other pixels in
#          deployment than in training: aliased edges, lost calcifications.
# Instead  Reduce the image before the graph, or use an average pooling and a Resize.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import numpy as np
import onnx
import onnxruntime as ort
import openvino as ov
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator


def model(nodes, inputs, outputs, opset, constants=()):
    """Return a checked ONNX model of a few nodes."""
    values = [[helper.make_tensor_value_info(*value) for value in part] for part in (inputs, outputs)]
    graph = helper.make_graph(nodes, "finding", *values, [numpy_helper.from_array(v, n) for n, v in constants])
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(result, full_check=True)
    return result


def in_onnxruntime(model, feed):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feed)[0]


def in_openvino(model, feed):
    core = ov.Core()
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    return core.compile_model(core.read_model(model.SerializeToString()), "CPU", exact)(feed)[0]


def in_reference(model, feed):
    return ReferenceEvaluator(model).run(None, feed)[0]


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


def resized(antialias, run):
    """Return five values reduced to three."""
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode="linear", antialias=antialias)
    size = [("sizes", np.array([1, 1, 1, 3], np.int64))]
    ends = [("x", TensorProto.FLOAT, [1, 1, 1, 5])], [("y", TensorProto.FLOAT, [1, 1, 1, 3])]
    feed = {"x": np.array([1, 2, 4, 8, 16], np.float32).reshape(1, 1, 1, 5)}
    return [round(float(v), 3) for v in run(model([node], *ends, 18, size), feed).ravel()]


check("ONNX Runtime, antialias=1", resized(1, in_onnxruntime), [1.375, 4.444, 13.0])
check("reference, antialias=1", resized(1, in_reference), [1.375, 4.444, 13.0])
check("OpenVINO, antialias=1", resized(1, in_openvino), [1.333, 4.0, 13.333])
check("OpenVINO, antialias=0", resized(0, in_openvino), [1.333, 4.0, 13.333])
EOF
venv/bin/python finding.py
