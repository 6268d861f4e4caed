#!/usr/bin/env bash
# onnx's own reference evaluator normalizes old BatchNormalization by the batch, and local response
# normalization only in part.
#
# Guess    The reference implementation is the one to compare runtimes with.
# Seen     BatchNormalization at opset 9 with stored mean 1 and variance 1, input 1, 2, 4, 8, 16:
#          ONNX Runtime 1.32.0 gives 0, 1, 3, 7, 15; onnx 1.23.2's ReferenceEvaluator gives -0.264,
#          0.244, 1.26, 3.291, 7.355, the statistics of the input. LRN over three channels: the
#          reference normalizes the first channel and returns the others unchanged.
# Why      At opset 9 the operator is in inference mode when it has one output (ONNX operator
#          changelog, BatchNormalization-9). From opset 15 on the reference is right.
# Cost     A correct converter is reported as wrong, or "fixed" until it agrees.
# Instead  Convert to a recent opset before comparing, and compare with the framework that wrote the
#          model.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import numpy as np
import onnx
import onnxruntime as ort
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


def in_reference(model, feed):
    return ReferenceEvaluator(model).run(None, feed)[0]


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


shape = [1, 1, 1, 5]
names = ("scale", "bias", "mean", "variance")
constants = [(n, np.array([v], np.float32)) for n, v in zip(names, (1, 0, 1, 1), strict=True)]
ends = [("x", TensorProto.FLOAT, shape)], [("y", TensorProto.FLOAT, shape)]
feed = {"x": np.array([1, 2, 4, 8, 16], np.float32).reshape(shape)}
node = helper.make_node("BatchNormalization", ["x", *names], ["y"])
for opset, reference in ((9, [-0.264, 0.244, 1.26, 3.291, 7.355]), (15, [0.0, 1.0, 3.0, 7.0, 15.0])):
    graph = model([node], *ends, opset, constants)
    runtime = in_onnxruntime(graph, feed).ravel().round(3).tolist()
    check(f"BatchNormalization-{opset}, ONNX Runtime", np.round(runtime, 3).tolist(), [0.0, 1.0, 3.0, 7.0, 15.0])
    seen = [round(float(v), 3) for v in in_reference(graph, feed).ravel()]
    check(f"BatchNormalization-{opset}, reference", seen, reference)

node = helper.make_node("LRN", ["x"], ["y"], size=3, alpha=1.0, beta=1.0, bias=1.0)
ends = [("x", TensorProto.FLOAT, [1, 3, 1, 1])], [("y", TensorProto.FLOAT, [1, 3, 1, 1])]
feed = {"x": np.array([1, 2, 3], np.float32).reshape(1, 3, 1, 1)}
graph = model([node], *ends, 13)
check("LRN, ONNX Runtime", [round(float(v), 3) for v in in_onnxruntime(graph, feed).ravel()], [0.375, 0.353, 0.562])
check("LRN, reference", [round(float(v), 3) for v in in_reference(graph, feed).ravel()], [0.375, 2.0, 3.0])
EOF
venv/bin/python finding.py
