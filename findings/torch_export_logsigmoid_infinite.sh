#!/usr/bin/env bash
# PyTorch's logsigmoid(-200) is -200, and minus infinity in the exported ONNX model.
#
# Guess    logsigmoid exists to be stable, so its export is.
# Seen     PyTorch 2.13.0 gives -200. The models written by torch.onnx.export with dynamo=True and
#          with dynamo=False give -inf in ONNX Runtime 1.32.0; at -5 they are right.
# Why      Both exporters write Log(Sigmoid(x)); sigmoid(-200) is 0 in float32. ONNX has Softplus:
#          logsigmoid(x) = -Softplus(-x).
# Cost     Log-likelihoods and losses computed in the model become infinite for confident cases, and
#          one of them makes a mean infinite.
# Instead  Write -torch.nn.functional.softplus(-x) in the model to be exported.
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


class Log(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.logsigmoid(x)


class Stable(torch.nn.Module):
    def forward(self, x):
        return -torch.nn.functional.softplus(-x)


def exported(module, dynamo):
    """Return the module's results in ONNX Runtime."""
    file = io.BytesIO()
    if dynamo:
        torch.onnx.export(module, (x,), dynamo=True, verbose=False).save(file)
    else:
        torch.onnx.export(module, (x,), file, dynamo=False)
    session = ort.InferenceSession(file.getvalue())
    return session.run(None, {session.get_inputs()[0].name: x.numpy()})[0].astype(float).round(2).tolist()


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


x = torch.tensor([-5.0, -200.0])
check("PyTorch", [round(v, 2) for v in Log()(x).tolist()], [-5.01, -200.0])
for dynamo in (True, False):
    check(f"exported, dynamo={dynamo}", exported(Log(), dynamo), [-5.01, float("-inf")])
    check(f"-softplus(-x) exported, dynamo={dynamo}", exported(Stable(), dynamo), [-5.01, -200.0])
EOF
venv/bin/python finding.py
