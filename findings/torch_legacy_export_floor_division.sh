#!/usr/bin/env bash
# PyTorch's older ONNX exporter turns -7 // 2 from -4 into -3.
#
# Guess    Floor division of integers is exported as such.
# Seen     torch.tensor(-7) // 2 is -4 in PyTorch 2.13.0, and -4 in the model of
#          torch.onnx.export(dynamo=True). With dynamo=False the model gives -3 in ONNX Runtime
#          1.32.0.
# Why      ONNX Div truncates integers towards zero (ONNX operators, Div). The newer exporter
#          corrects for the sign, the older one does not.
# Cost     Pixel coordinates left of or above a centre are off by one: crops and grids are not
#          symmetric.
# Instead  Export with dynamo=True, or divide as floating point and floor.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    torch==2.13.0 onnxscript==0.7.2 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cat > finding.py <<'EOF'
import io
import logging
import sys
import warnings

import onnxruntime as ort
import torch

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)


class Half(torch.nn.Module):
    def forward(self, x):
        return x // 2


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


x = torch.tensor([-7, 7], dtype=torch.int32)
check("PyTorch, -7 // 2 and 7 // 2", Half()(x).tolist(), [-4, 3])
for dynamo, expected in ((True, [-4, 3]), (False, [-3, 3])):
    file = io.BytesIO()
    if dynamo:
        torch.onnx.export(Half(), (x,), dynamo=True, verbose=False).save(file)
    else:
        torch.onnx.export(Half(), (x,), file, dynamo=False)
    session = ort.InferenceSession(file.getvalue())
    seen = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0].tolist()
    check(f"exported, dynamo={dynamo}", seen, expected)
EOF
venv/bin/python finding.py
