#!/usr/bin/env bash
# OpenVINO computes int64 in 32 bits on the CPU: the sum of four times 2^30 is -2147483648.
#
# Guess    A model whose tensors are int64 is computed in int64, or refused.
# Seen     ReduceSum of four int64 values 2^30: ONNX Runtime 1.32.0 gives 4294967296, OpenVINO
#          2026.4.1 gives -2147483648. 5e9 + 5e9 is 1410065408. The output type is still int64. An
#          int32 ReduceSum of 16777217 and 2 gives 16777218: it passes through float32.
# Why      The CPU plugin converts int64 to int32 when it compiles the model.
# Cost     Counts and sums of pixels (a volume in voxels times an intensity, an integral image)
#          change sign or lose their last digits.
# Instead  Keep sums as float32 and divide early (a mean instead of a sum), or sum outside the
#          model.
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
from onnx import helper, numpy_helper


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


def total(values, dtype, run):
    """Return the sum of integers by ReduceSum."""
    array = np.array(values, dtype)
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    node = helper.make_node("ReduceSum", ["x"], ["y"], keepdims=1)
    graph = model([node], [("x", kind, [len(values)])], [("y", kind, [1])], 18)
    out = run(graph, {"x": array})
    return [str(out.dtype), int(out[0])]


check("ONNX Runtime, 4 times 2^30 as int64", total([2**30] * 4, np.int64, in_onnxruntime), ["int64", 2**32])
check("OpenVINO, 4 times 2^30 as int64", total([2**30] * 4, np.int64, in_openvino), ["int64", -(2**31)])
check("ONNX Runtime, 16777217 + 2 as int32", total([16777217, 2], np.int32, in_onnxruntime), ["int32", 16777219])
check("OpenVINO, 16777217 + 2 as int32", total([16777217, 2], np.int32, in_openvino), ["int32", 16777218])
EOF
venv/bin/python finding.py
