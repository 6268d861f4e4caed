#!/usr/bin/env bash
# Spearman's correlation of four cases in the same order has p = 0 in scipy and pingouin; the exact
# value is 0.083.
#
# Guess    A test on four cases cannot be significant: two of 24 orders are as extreme.
# Seen     spearmanr([1, 2, 3, 4], [1, 2, 3, 4]) in scipy 1.17.1 gives p = 0.0, for five cases p =
#          1.4e-24. pingouin 0.7.0 gives 0.0 as well. kendalltau of scipy gives the exact 0.083.
# Why      p comes from a t distribution with n - 2 degrees of freedom, and t is infinite when the
#          correlation is 1. The documentation says that it is for large samples; there is no
#          warning.
# Cost     Reader studies with few readers or lesions report p < 0.001 for what happens once in
#          twelve times.
# Instead  Use scipy.stats.permutation_test, or kendalltau, for less than some 20 cases.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    scipy==1.17.1 pingouin==0.7.0 numpy==2.4.6
cat > finding.py <<'EOF'
import sys
from itertools import permutations

import pingouin
from scipy.stats import kendalltau, spearmanr


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


cases = [1, 2, 3, 4]
check("scipy, spearmanr, 4 cases", float(spearmanr(cases, cases).pvalue), 0.0)
check("scipy, spearmanr, 5 cases below 1e-20", bool(spearmanr(range(5), range(5)).pvalue < 1e-20), True)
check("pingouin, 4 cases", float(pingouin.corr(cases, cases, method="spearman")["p_val"].iloc[0]), 0.0)
orders = [abs(spearmanr(cases, order).statistic) for order in permutations(cases)]
exact = sum(value > 0.999 for value in orders) / len(orders)
check("exact, over all 24 orders", round(exact, 3), 0.083)
check("scipy, kendalltau", round(float(kendalltau(cases, cases).pvalue), 3), 0.083)
EOF
venv/bin/python finding.py
