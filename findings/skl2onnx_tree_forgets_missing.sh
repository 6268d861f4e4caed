#!/usr/bin/env bash
# skl2onnx converts a decision tree that was trained with missing values into one that sends them
# the other way.
#
# Guess    Either the conversion keeps the branch that NaN takes, or it refuses such a tree.
# Seen     A scikit-learn 1.9.1 tree learns that a missing measurement means class 0 and predicts 0
#          for NaN. Converted by skl2onnx 1.20.0, ONNX Runtime 1.32.0 predicts 1. Values that are
#          not missing agree.
# Why      scikit-learn keeps the branch in tree_.missing_go_to_left. TreeEnsembleClassifier has
#          nodes_missing_value_tracks_true for it, but the converter writes 0 throughout.
# Cost     Clinical tables have missing values in almost every row; random forests, which consist of
#          such trees, change too.
# Instead  Impute before the tree, with an imputer in the converted pipeline, and compare
#          predictions on rows with gaps.
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
from sklearn.tree import DecisionTreeClassifier


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


x = np.array([[1], [2], [3], [4], [np.nan], [np.nan]], np.float32)
tree = DecisionTreeClassifier(random_state=0).fit(x, [0, 0, 1, 1, 0, 0])
session = ort.InferenceSession(to_onnx(tree, x[:1], options={"zipmap": False}).SerializeToString())
converted = session.run(None, {session.get_inputs()[0].name: x})[0]
check("scikit-learn, for 1, 2, 3, 4, missing, missing", tree.predict(x).tolist(), [0, 0, 1, 1, 0, 0])
check("converted", converted.tolist(), [0, 0, 1, 1, 1, 1])
EOF
venv/bin/python finding.py
