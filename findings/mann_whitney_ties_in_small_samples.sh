#!/usr/bin/env bash
# scipy's Mann-Whitney test calls two groups of four different (p = 0.047) where the exact p is
# 0.086.
#
# Guess    For eight cases, method="auto" is exact.
# Seen     Grades 1, 1, 1, 2 against 2, 2, 3, 3, scipy 1.17.1: mannwhitneyu gives 0.047 (pingouin
#          0.7.0 too), method="exact" gives 0.057, and the permutation test of the same statistic
#          0.086.
# Why      "auto" is exact only without ties and otherwise uses the normal approximation, however
#          small the groups; "exact" ignores ties.
# Cost     Reader scores on a scale of five have ties always: non-significant pilots become
#          significant.
# Instead  Pass method=scipy.stats.PermutationMethod(), which goes through all permutations of small
#          samples.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    scipy==1.17.1 pingouin==0.7.0 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import pingouin
from scipy.stats import PermutationMethod, mannwhitneyu


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


a, b = [1, 1, 1, 2], [2, 2, 3, 3]
check("scipy, auto", round(float(mannwhitneyu(a, b).pvalue), 3), 0.047)
check("scipy, exact", round(float(mannwhitneyu(a, b, method="exact").pvalue), 3), 0.057)
check("pingouin", round(float(pingouin.mwu(a, b)["p_val"].iloc[0]), 3), 0.047)
permuted = mannwhitneyu(a, b, method=PermutationMethod())
check("scipy, all permutations", round(float(permuted.pvalue), 3), 0.086)
EOF
venv/bin/python finding.py
