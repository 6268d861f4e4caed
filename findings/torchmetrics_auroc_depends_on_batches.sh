#!/usr/bin/env bash
# torchmetrics gives another AUC for the same scores when the batch size changes.
#
# Guess    update() only collects; the AUC does not depend on how the cases were divided.
# Seen     Eight logits, some between 0 and 1, torchmetrics 1.9.0, BinaryAUROC: 0.625 in one batch
#          (as scikit-learn 1.9.1), 0.8125 in batches of 4, 0.6875 in batches of 2.
# Why      Each update decides anew whether its batch holds probabilities: if any value is outside 0
#          to 1, the whole batch goes through a sigmoid, otherwise it stays. The two kinds are then
#          ranked together.
# Cost     Validation results change with the batch size and the order of the cases. The error has
#          either sign.
# Instead  Pass probabilities, never logits: torch.sigmoid(x) before update().
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    torch==2.13.0 torchmetrics==1.9.0 scikit-learn==1.9.1 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import torch
from sklearn.metrics import roc_auc_score
from torchmetrics.classification import BinaryAUROC


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


logits = torch.tensor([0.2, 0.9, 0.4, 0.7, -3.0, 2.0, 0.1, 0.8])
labels = torch.tensor([0, 1, 0, 1, 0, 0, 1, 1])
check("scikit-learn", round(float(roc_auc_score(labels, logits)), 4), 0.625)
for size, expected in ((8, 0.625), (4, 0.8125), (2, 0.6875)):
    metric = BinaryAUROC()
    for x, y in zip(logits.split(size), labels.split(size), strict=True):
        metric.update(x, y)
    check(f"torchmetrics, batches of {size}", round(float(metric.compute()), 4), expected)
metric = BinaryAUROC()
for x, y in zip(logits.split(2), labels.split(2), strict=True):
    metric.update(torch.sigmoid(x), y)
check("torchmetrics, probabilities, batches of 2", round(float(metric.compute()), 4), 0.625)
EOF
venv/bin/python finding.py
