#!/usr/bin/env bash
# A Keras model whose every output is NaN has an accuracy of 0.9, if nine in ten cases are of class
# 0.
#
# Guess    Metrics of NaN predictions are NaN, or 0.
# Seen     Ten cases, nine of class 0, all predictions NaN, Keras 3.15.1: SparseCategoricalAccuracy
#          and BinaryAccuracy give 0.9. torchmetrics 1.9.0 gives 0.9 too.
# Why      argmax of a row of NaN is 0, and NaN > 0.5 is false: a diverged network predicts the
#          first class for everyone.
# Cost     With rare diseases a dead network looks like a good one; a search over learning rates can
#          select it.
# Instead  Stop at the first NaN (keras.callbacks.TerminateOnNaN), and check predictions with
#          isfinite() before any metric.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 torch==2.13.0 torchmetrics==1.9.0 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import keras
import numpy as np
import torch
from torchmetrics.classification import BinaryAccuracy


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


labels = np.array([0] * 9 + [1])
metric = keras.metrics.SparseCategoricalAccuracy()
metric.update_state(labels, np.full((10, 2), np.nan, np.float32))
check("SparseCategoricalAccuracy of NaN", round(float(metric.result()), 6), 0.9)
metric = keras.metrics.BinaryAccuracy()
metric.update_state(labels[:, None], np.full((10, 1), np.nan, np.float32))
check("BinaryAccuracy of NaN", round(float(metric.result()), 6), 0.9)
value = BinaryAccuracy()(torch.full((10,), float("nan")), torch.tensor(labels))
check("torchmetrics, BinaryAccuracy of NaN", round(float(value), 6), 0.9)
EOF
KERAS_BACKEND=jax venv/bin/python finding.py
