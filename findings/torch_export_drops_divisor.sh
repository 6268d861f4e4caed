#!/usr/bin/env bash
# Both ONNX exporters of PyTorch drop divisor_override of avg_pool2d without a word.
#
# Guess    An argument that ONNX cannot express raises an error on export, as others do.
# Seen     avg_pool2d(x, 3, divisor_override=2) of ones is 4.5 in PyTorch 2.13.0. The models written
#          by torch.onnx.export with dynamo=True and with dynamo=False give 1.0 in ONNX Runtime
#          1.32.0.
# Why      ONNX AveragePool always divides by the window (or by its part inside the image); it has
#          no such attribute. The exporters write it all the same.
# Cost     Sum pooling (divisor_override=1) is exported as an average: activations are smaller by
#          the window's size.
# Instead  Multiply explicitly: avg_pool2d(x, 3) * (9 / 2). Compare the exported model with the
#          original on real images.
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


class Pool(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.avg_pool2d(x, 3, divisor_override=2)


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


x = torch.ones(1, 1, 3, 3)
check("PyTorch", Pool()(x).item(), 4.5)
for dynamo in (True, False):
    file = io.BytesIO()
    if dynamo:
        torch.onnx.export(Pool(), (x,), dynamo=True, verbose=False).save(file)
    else:
        torch.onnx.export(Pool(), (x,), file, dynamo=False)
    session = ort.InferenceSession(file.getvalue())
    seen = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
    check(f"exported, dynamo={dynamo}", float(seen.flat[0]), 1.0)
EOF
venv/bin/python finding.py
