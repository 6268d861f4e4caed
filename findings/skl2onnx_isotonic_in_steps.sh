#!/usr/bin/env bash
# skl2onnx turns the straight lines of an isotonic calibration into steps: probabilities change by
# 0.06.
#
# Guess    A converted classifier gives the same probabilities, within float32.
# Seen     CalibratedClassifierCV(method="isotonic") on 200 cases, scikit-learn 1.9.1 and skl2onnx
#          1.20.0: over a grid of inputs the converted probability differs by up to 0.064 in ONNX
#          Runtime 1.32.0. With method="sigmoid" the difference is below 0.00001.
# Why      IsotonicRegression interpolates linearly between its points. The converter takes the
#          nearest point instead.
# Cost     Calibrated risks are wrong in deployment although the labels agree, so a test of the
#          labels shows nothing.
# Instead  Use method="sigmoid", which converts exactly, or apply the isotonic regression outside
#          the model.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 scipy==1.17.1 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import numpy as np
import onnxruntime as ort
from skl2onnx import to_onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


random = np.random.default_rng(0)
x = random.normal(size=(200, 1)).astype(np.float32)
y = (x[:, 0] + random.normal(size=200) > 0).astype(int)
grid = np.linspace(-3, 3, 601, dtype=np.float32)[:, None]
worst = {}
for method in ("isotonic", "sigmoid"):
    classifier = CalibratedClassifierCV(LogisticRegression(), method=method, cv=2).fit(x, y)
    session = ort.InferenceSession(to_onnx(classifier, x[:1], options={"zipmap": False}).SerializeToString())
    converted = session.run(None, {session.get_inputs()[0].name: grid})[1][:, 1]
    worst[method] = float(np.abs(converted - classifier.predict_proba(grid)[:, 1]).max())
    print(method, "largest difference of a probability:", round(worst[method], 6))
check("isotonic, largest difference", round(worst["isotonic"], 3), 0.064)
check("sigmoid, difference below 0.00001", worst["sigmoid"] < 1e-5, True)
EOF
venv/bin/python finding.py
