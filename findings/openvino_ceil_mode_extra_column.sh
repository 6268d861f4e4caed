#!/usr/bin/env bash
# OpenVINO adds a row and a column of -3.4e38 to max pooling with ceil_mode.
#
# Guess    ceil_mode=1 gives the same shape in every runtime: a window that would start in the
#          padding is dropped.
# Seen     Max pooling, kernel 1, stride 3, ceil_mode=1 of a 5 x 5 image: ONNX Runtime 1.32.0 gives
#          2 x 2, as PyTorch does, OpenVINO 2026.4.1 gives 3 x 3. The third row and column hold
#          -3.4028235e38, the lowest float32.
# Why      PyTorch, ONNX Runtime and onnx's reference evaluator leave out a window that would start
#          beyond the input; OpenVINO keeps it. So does onnx 1.23.2's shape inference, which says 3
#          x 3: the formula in ONNX (MaxPool, ceil_mode) only rounds up.
# Cost     A flatten after it fails on the size, but a global max or average does not: the mean is
#          about -1.9e38.
# Instead  Avoid ceil_mode in models to be converted: pad explicitly. Compare the output shapes
#          after conversion.
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


node = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[1, 1], strides=[3, 3], ceil_mode=1)
pool = model([node], [("x", TensorProto.FLOAT, [1, 1, 5, 5])], [("y", TensorProto.FLOAT, [1, 1, "h", "w"])], 19)
feed = {"x": np.arange(25, dtype=np.float32).reshape(1, 1, 5, 5)}
check("ONNX Runtime", in_onnxruntime(pool, feed)[0, 0].tolist(), [[0.0, 3.0], [15.0, 18.0]])
check("reference", in_reference(pool, feed)[0, 0].tolist(), [[0.0, 3.0], [15.0, 18.0]])
seen = in_openvino(pool, feed)[0, 0]
check("OpenVINO, shape", seen.shape, (3, 3))
check("OpenVINO, last column", seen[:, 2].tolist(), [float(np.finfo(np.float32).min)] * 3)
EOF
venv/bin/python finding.py
