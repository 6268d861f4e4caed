#!/usr/bin/env bash
# MLstatkit's DeLong test of a model against itself gives p = 0.
#
# Guess    Equal scores have the same AUC; the difference is 0 and p is 1.
# Seen     60 cases, the same scores twice, MLstatkit 0.1.91: z = 0.0, p = 0.0. Also for scores that
#          are a scaled copy (2 s + 1), which have the same ranks.
# Why      The variance of the difference is 0, so the function turns to a bootstrap, whose
#          two-sided p is twice the smaller share of differences above 0 and at most 0. No
#          difference is above 0.
# Cost     Models that rank all cases alike are reported as significantly different.
# Instead  Compare the scores first; treat a zero variance as "no difference".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    MLstatkit==0.1.91 scikit-learn==1.9.1 scipy==1.17.1 pandas==2.3.3 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import numpy as np
from MLstatkit import Delong_test


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


labels = np.repeat([1, 0], 30)
scores = np.random.default_rng(0).normal(size=60) + labels
check("the same scores: z, p", [float(v) for v in Delong_test(labels, scores, scores)[:2]], [0.0, 0.0])
check("scaled scores: z, p", [float(v) for v in Delong_test(labels, scores, 2 * scores + 1)[:2]], [0.0, 0.0])
EOF
venv/bin/python finding.py
