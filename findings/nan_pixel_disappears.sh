#!/usr/bin/env bash
# A NaN pixel becomes a finite number in a converted network: ONNX Runtime loses it in max pooling,
# OpenVINO in relu.
#
# Guess    NaN propagates, so an unusable image gives NaN and not a probability.
# Seen     2 x 2 max pooling of 1, NaN, 0, 2: ONNX Runtime 1.32.0 and OpenVINO 2026.4.1 give 2.
#          relu(NaN) is 0 in OpenVINO, NaN in ONNX Runtime. ReduceMax of 1, NaN, 0, -1 is 1 in ONNX
#          Runtime and 0 in OpenVINO, although 1 is among the values. PyTorch and NumPy give NaN in
#          all three cases.
# Why      The kernels keep the larger of two values by a comparison, which is false for NaN. ONNX
#          defines MaxPool and Relu by max() and does not say what max() does with NaN.
# Cost     An image with undefined pixels (a ratio map, a failed resampling) gets a confident
#          diagnosis.
# Instead  Check isfinite() on the input before the runtime, since the output no longer shows it.
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


def one(op, shape, out, values, opset=17, **attributes):
    """Return the results of one node in ONNX Runtime and in OpenVINO, as text (NaN equals itself then)."""
    node = helper.make_node(op, ["x"], ["y"], **attributes)
    single = model([node], [("x", TensorProto.FLOAT, shape)], [("y", TensorProto.FLOAT, out)], opset)
    feed = {"x": np.array(values, np.float32).reshape(shape)}
    return [str(float(run(single, feed).flat[0])) for run in (in_onnxruntime, in_openvino)]


nan = float("nan")
check("NumPy, max of 1, NaN, 0, 2", str(float(np.max([1, nan, 0, 2]))), "nan")
pooled = one("MaxPool", [1, 1, 2, 2], [1, 1, 1, 1], [1, nan, 0, 2], kernel_shape=[2, 2])
check("max pooling of 1, NaN, 0, 2 in ONNX Runtime, OpenVINO", pooled, ["2.0", "2.0"])
check("relu of NaN in ONNX Runtime, OpenVINO", one("Relu", [1], [1], [nan]), ["nan", "0.0"])
reduced = one("ReduceMax", [1, 4], [1, 1], [1, nan, 0, -1], axes=[1])
check("ReduceMax of 1, NaN, 0, -1 in ONNX Runtime, OpenVINO", reduced, ["1.0", "0.0"])
EOF
venv/bin/python finding.py
