#!/usr/bin/env bash
# 5 - 10 in uint8 is 0 in OpenVINO and 251 in ONNX Runtime.
#
# Guess    The same ONNX model has one result for integer arithmetic.
# Seen     uint8 Sub of 10 from 5, and Add of 10 to 250: ONNX Runtime 1.32.0, NumPy and PyTorch wrap
#          around (251 and 4); OpenVINO 2026.4.1 saturates (0 and 255).
# Why      ONNX lists uint8 as a type of Add and Sub since opset 14 and does not say what happens
#          beyond the range.
# Cost     A background subtraction inside the model looks right in OpenVINO and has bright speckles
#          elsewhere, or the other way round: a test with one runtime shows nothing.
# Instead  Cast to float32 or int32 before arithmetic on pixels.
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


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


pixels, ten = np.array([5, 250], np.uint8), np.array([10, 10], np.uint8)
u8 = TensorProto.UINT8
for op, wrapped, saturated in (("Sub", [251, 240], [0, 240]), ("Add", [15, 4], [15, 255])):
    node = helper.make_node(op, ["x", "ten"], ["y"])
    graph = model([node], [("x", u8, [2])], [("y", u8, [2])], 17, [("ten", ten)])
    check(f"{op} 10, ONNX Runtime", in_onnxruntime(graph, {"x": pixels}).tolist(), wrapped)
    check(f"{op} 10, OpenVINO", in_openvino(graph, {"x": pixels}).tolist(), saturated)
EOF
venv/bin/python finding.py
