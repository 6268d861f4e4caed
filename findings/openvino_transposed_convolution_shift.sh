#!/usr/bin/env bash
# OpenVINO shifts a transposed convolution by one pixel when the model states output_shape and
# auto_pad.
#
# Guess    auto_pad says at which end the odd padding pixel is, and every runtime follows it.
# Seen     ConvTranspose of 1, 2 with kernel 1, 10, 100, stride 2, output_shape 4 and auto_pad
#          SAME_UPPER: ONNX Runtime 1.32.0 and onnx 1.23.2's reference give 1, 10, 102, 20; OpenVINO
#          2026.4.1 gives 10, 102, 20, 200. With SAME_LOWER, all give the latter.
# Why      ONNX (ConvTranspose) splits the total padding by auto_pad also when output_shape is
#          given. OpenVINO then always takes the lower end.
# Cost     The decoder's output is shifted against the encoder's in a segmentation network: masks
#          are off by a pixel, more at each level.
# Instead  Export explicit pads instead of output_shape.
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


kernel = [("w", np.array([1, 10, 100], np.float32).reshape(1, 1, 3))]
feed = {"x": np.array([1, 2], np.float32).reshape(1, 1, 2)}
upper, lower = [1.0, 10.0, 102.0, 20.0], [10.0, 102.0, 20.0, 200.0]
for pad, standard, openvino in (("SAME_UPPER", upper, lower), ("SAME_LOWER", lower, lower)):
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2], output_shape=[4], auto_pad=pad)
    ends = [("x", TensorProto.FLOAT, [1, 1, 2])], [("y", TensorProto.FLOAT, [1, 1, 4])]
    graph = model([node], *ends, 17, kernel)
    check(f"{pad}, ONNX Runtime", in_onnxruntime(graph, feed).ravel().tolist(), standard)
    check(f"{pad}, reference", in_reference(graph, feed).ravel().tolist(), standard)
    check(f"{pad}, OpenVINO", in_openvino(graph, feed).ravel().tolist(), openvino)
EOF
venv/bin/python finding.py
