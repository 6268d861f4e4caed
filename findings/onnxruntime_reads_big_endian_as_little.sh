#!/usr/bin/env bash
# ONNX Runtime reads a big-endian array as if it were little-endian: 1.0 becomes 4.6e-41.
#
# Guess    An array whose dtype says ">f4" is converted, or refused as a wrong type.
# Seen     Two values 1 and 2 loaded by nibabel 5.4.2 from an MGZ file (FreeSurfer), which is
#          big-endian, and passed to ONNX Runtime 1.32.0: the doubled values are 9.2e-41 and
#          1.8e-43. OpenVINO 2026.4.1 gives 2 and 4. onnx's reference evaluator raises an error.
# Why      NumPy keeps the byte order in the dtype; ONNX Runtime checks the kind and size of the
#          type, not its order. MGH/MGZ is always big-endian, and NIfTI and DICOM can be.
# Cost     The network sees an image of zeros, and gives the same, plausible answer for every
#          patient.
# Instead  Convert first: np.ascontiguousarray(x, dtype=np.float32), which is native.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 nibabel==5.4.2 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import nibabel as nib
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


nib.save(nib.MGHImage(np.array([1, 2], np.float32).reshape(2, 1, 1), np.eye(4)), "brain.mgz")
loaded = np.asarray(nib.load("brain.mgz").dataobj)
check("type of the loaded array", loaded.dtype.str, ">f4")
node = helper.make_node("Add", ["x", "x"], ["y"])
double = model([node], [("x", TensorProto.FLOAT, [2, 1, 1])], [("y", TensorProto.FLOAT, [2, 1, 1])], 17)
seen = [f"{v:.1e}" for v in in_onnxruntime(double, {"x": loaded}).ravel()]
check("ONNX Runtime, twice 1 and 2", seen, ["9.2e-41", "1.8e-43"])
check("OpenVINO, twice 1 and 2", in_openvino(double, {"x": loaded}).ravel().tolist(), [2.0, 4.0])
native = in_onnxruntime(double, {"x": loaded.astype(np.float32)}).ravel().tolist()
check("ONNX Runtime, converted first", native, [2.0, 4.0])
EOF
venv/bin/python finding.py
