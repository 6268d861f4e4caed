#!/usr/bin/env bash
# One Softmax node written before opset 13 gives three different results in three runtimes.
#
# Guess    Every runtime honours the opset version that the model states.
# Seen     Softmax without an axis at opset 11, on a tensor (1, 2, 2, 2): ONNX Runtime 1.32.0 gives
#          0.085 first (a softmax over all eight values), OpenVINO 2026.4.1 gives 0.660 (over axis
#          1), onnx 1.23.2's reference evaluator 0.564 (over the last axis). After
#          onnx.version_converter to opset 13 all three give 0.085.
# Why      Until opset 12 the default axis is 1 and the input is flattened to two dimensions at that
#          axis; from 13 on the default is -1 and nothing is flattened (ONNX operator changelog,
#          Softmax-11 and Softmax-13).
# Cost     A segmentation model exported long ago gives another probability map in each runtime;
#          each still sums to 1 somewhere.
# Instead  Convert such models with onnx.version_converter.convert_version(model, 13) and compare
#          the results with those of the framework that wrote them.
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
from onnx import TensorProto, helper, numpy_helper, version_converter
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


shape = [1, 2, 2, 2]
ends = [("x", TensorProto.FLOAT, shape)], [("y", TensorProto.FLOAT, shape)]
old = model([helper.make_node("Softmax", ["x"], ["y"])], *ends, 11)
feed = {"x": np.random.default_rng(0).normal(size=shape).astype(np.float32)}
runtimes = {"ONNX Runtime": in_onnxruntime, "OpenVINO": in_openvino, "reference": in_reference}
for name, expected in (("ONNX Runtime", 0.085), ("OpenVINO", 0.66), ("reference", 0.564)):
    check(f"{name}, opset 11, first value", round(float(runtimes[name](old, feed).flat[0]), 3), expected)
new = version_converter.convert_version(old, 13)
for name, run in runtimes.items():
    check(f"{name}, converted to opset 13, first value", round(float(run(new, feed).flat[0]), 3), 0.085)
EOF
venv/bin/python finding.py
