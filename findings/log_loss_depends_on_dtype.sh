#!/usr/bin/env bash
# scikit-learn's log loss of the same wrong prediction is 18.0 in float64 and 8.0 in float32.
#
# Guess    A loss is a property of the predictions, not of their type.
# Seen     Two cases, both predicted with certainty as class 0, one of them wrongly, scikit-learn
#          1.9.1: log_loss is 18.02 for float64 and 7.97 for float32.
# Why      Probabilities are limited to 1 - eps of their own type before the logarithm: 2.2e-16 or
#          1.2e-07.
# Cost     A network's float32 output and the same numbers read from a CSV file rank models
#          differently, as soon as there is one confident error.
# Instead  Clip the probabilities explicitly, and state the limit with the result.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import numpy as np
from sklearn.metrics import log_loss


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


certain = [[1, 0], [1, 0]]
check("float64", round(float(log_loss([0, 1], np.array(certain, np.float64))), 2), 18.02)
check("float32", round(float(log_loss([0, 1], np.array(certain, np.float32))), 2), 7.97)
EOF
venv/bin/python finding.py
