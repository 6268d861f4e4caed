#!/usr/bin/env bash
# A paired Wilcoxon test of Dice values changes its p from 0.45 to 0.36 by the rounding of a
# subtraction.
#
# Guess    Differences that are all 0.1 on paper are ties.
# Seen     Seven pairs of Dice values with two decimals, each differing by 0.1 up or down, scipy
#          1.17.1: wilcoxon(a, b) gives p = 0.359. With the differences rounded to six decimals p =
#          0.453. pingouin 0.7.0 gives 0.359.
# Why      0.9 - 0.8 and 0.8 - 0.7 are different floating-point numbers, so seven tied ranks become
#          a random order.
# Cost     The p value depends on the last bit of each number and cannot be reproduced from the
#          printed table.
# Instead  Round the differences: wilcoxon(np.round(a - b, 6)).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    scipy==1.17.1 pingouin==0.7.0 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import numpy as np
import pingouin
from scipy.stats import wilcoxon


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


a = np.array([0.80, 0.70, 0.90, 0.60, 0.75, 0.85, 0.65])
b = np.array([0.70, 0.60, 0.80, 0.70, 0.65, 0.75, 0.75])
check("different sizes among seven differences of 0.1", len(set(np.abs(a - b))) > 1, True)
check("scipy", round(float(wilcoxon(a, b).pvalue), 3), 0.359)
check("pingouin", round(float(pingouin.wilcoxon(a, b)["p_val"].iloc[0]), 3), 0.359)
check("scipy, differences rounded", round(float(wilcoxon(np.round(a - b, 6)).pvalue), 3), 0.453)
EOF
venv/bin/python finding.py
