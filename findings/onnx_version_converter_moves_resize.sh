#!/usr/bin/env bash
# onnx.version_converter changes what a Resize computes: it moves the image by a quarter of a pixel.
#
# Guess    Converting a model to a newer opset keeps its results.
# Seen     A linear Resize by 2 at opset 10 of 1, 2, 4, 8, 16 gives 1, 1.5, 2, 3, 4, 6, 8, 12, 16,
#          16. After convert_version(model, 11) by onnx 1.23.2 it gives 1, 1.25, 1.75, 2.5, 3.5, 5,
#          7, 10, 14, 16, in ONNX Runtime 1.32.0. Upsample at opset 9 changes in the same way. There
#          is no warning.
# Why      Resize-10 maps output x to input x / scale ("asymmetric"). Resize-11 has an attribute for
#          it whose default is "half_pixel", and the converter does not set it.
# Cost     A segmentation decoder gives slightly displaced masks after an upgrade that should change
#          nothing.
# Instead  After the conversion set coordinate_transformation_mode="asymmetric" on each Resize, and
#          compare results before and after.
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
from onnx import TensorProto, helper, numpy_helper, version_converter


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


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


node = helper.make_node("Resize", ["x", "scales"], ["y"], mode="linear")
ends = [("x", TensorProto.FLOAT, [1, 1, 1, 5])], [("y", TensorProto.FLOAT, [1, 1, 1, 10])]
old = model([node], *ends, 10, [("scales", np.array([1, 1, 1, 2], np.float32))])
feed = {"x": np.array([1, 2, 4, 8, 16], np.float32).reshape(1, 1, 1, 5)}
before = [1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 16.0]
check("opset 10", in_onnxruntime(old, feed).ravel().tolist(), before)
new = version_converter.convert_version(old, 11)
after = [1.0, 1.25, 1.75, 2.5, 3.5, 5.0, 7.0, 10.0, 14.0, 16.0]
check("converted to opset 11", in_onnxruntime(new, feed).ravel().tolist(), after)
for node in new.graph.node:
    if node.op_type == "Resize":
        node.attribute.append(helper.make_attribute("coordinate_transformation_mode", "asymmetric"))
check("with the mode set", in_onnxruntime(new, feed).ravel().tolist(), before)
EOF
venv/bin/python finding.py
