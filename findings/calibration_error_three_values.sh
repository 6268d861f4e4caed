#!/usr/bin/env bash
# The expected calibration error of six predictions is 0.35, 0.32 or 0.23, depending on the
# function.
#
# Guess    "ECE with ten bins" names one number.
# Seen     Probabilities .1 .2 .3 .9 .8 .6 for labels 0 0 0 0 1 1: torchmetrics 1.9.0
#          BinaryCalibrationError gives 0.350, its MulticlassCalibrationError of the same two-class
#          probabilities 0.317, netcal 1.4.0 ECE 0.233.
# Why      BinaryCalibrationError compares the probability of class 1 with the rate of class 1; the
#          multiclass form compares the larger probability with the accuracy. netcal has a third
#          definition.
# Cost     A model is called better calibrated than a published one because another definition was
#          used.
# Instead  State the definition (which probability, which bins, which weights), and compute both
#          models with the same function.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    torch==2.13.0 torchmetrics==1.9.0 netcal==1.4.0 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import torch
from netcal.metrics import ECE
from torchmetrics.classification import BinaryCalibrationError, MulticlassCalibrationError


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


p = torch.tensor([0.1, 0.2, 0.3, 0.9, 0.8, 0.6])
y = torch.tensor([0, 0, 0, 0, 1, 1])
both = torch.stack([1 - p, p], 1)
check("torchmetrics, binary", round(float(BinaryCalibrationError(n_bins=10)(p, y)), 3), 0.35)
check("torchmetrics, multiclass", round(float(MulticlassCalibrationError(2, n_bins=10)(both, y)), 3), 0.317)
check("netcal", round(float(ECE(10).measure(p.numpy(), y.numpy())), 3), 0.233)
EOF
venv/bin/python finding.py
