#!/usr/bin/env bash
# Keras's AUC metric is 0.5 for a classifier whose AUC is 0.85, if all its scores are small.
#
# Guess    The area under the ROC curve depends on the order of the scores only.
# Seen     200 cases with scores between 0 and 0.001: scikit-learn 1.9.1 gives 0.854,
#          keras.metrics.AUC of Keras 3.15.1 gives 0.5. The same scores times 1000 give 0.854
#          (within 0.01).
# Why      The metric counts at 200 fixed thresholds, evenly spaced from 0 to 1; all scores lie
#          below the first one above 0.
# Cost     With rare classes or multi-label data scores are small: early stopping by val_auc stops
#          at once, and good models are thrown away.
# Instead  Compute the AUC from the predictions with scikit-learn, or pass thresholds that follow
#          the scores.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 scikit-learn==1.9.1 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import keras
import numpy as np
from sklearn.metrics import roc_auc_score


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


labels = np.array([0, 0, 1, 1, 0, 1, 0, 1, 1, 0] * 20)
scores = 1 / (1 + np.exp(-np.random.default_rng(0).normal(size=200) - 1.5 * labels))


def by_keras(values):
    """Return the AUC that Keras computes."""
    metric = keras.metrics.AUC()
    metric.update_state(labels, values)
    return float(metric.result())


check("scikit-learn, scores / 1000", round(roc_auc_score(labels, scores / 1000), 3), 0.854)
check("Keras, scores / 1000", by_keras(scores / 1000), 0.5)
check("Keras, scores, within 0.01 of 0.854", abs(by_keras(scores) - 0.854) < 0.01, True)
EOF
KERAS_BACKEND=jax venv/bin/python finding.py
