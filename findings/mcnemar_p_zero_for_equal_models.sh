#!/usr/bin/env bash
# statsmodels' McNemar test of two classifiers that never disagree gives p = 0.
#
# Guess    No disagreement is no evidence of a difference: p = 1.
# Seen     A table with 50 cases both right and 50 both wrong, statsmodels 0.15.0: mcnemar(table,
#          exact=False) gives statistic inf and p = 0.0; exact=True gives p = 1. One disagreement
#          each way gives p = 0.48.
# Why      The continuity correction makes the statistic (|0| - 1)^2 / 0. It is not limited at 0, so
#          p is wrong for every balanced table.
# Cost     A model compared with a copy of itself, or with one that differs on no test case, is
#          "significantly different".
# Instead  Use exact=True, which is also right for small counts.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    statsmodels==0.15.0 scipy==1.17.1 pandas==2.3.3 numpy==2.4.6
cat > finding.py <<'EOF'
import sys
import warnings

from statsmodels.stats.contingency_tables import mcnemar

warnings.simplefilter("ignore")


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


for table, exact, expected in (
    ([[50, 0], [0, 50]], False, 0.0),
    ([[50, 0], [0, 50]], True, 1.0),
    ([[50, 1], [1, 50]], False, 0.4795),
    ([[50, 1], [1, 50]], True, 1.0),
):
    p = round(float(mcnemar(table, exact=exact).pvalue), 4)
    check(f"{table[0][1]} + {table[1][0]} disagreements, exact={exact}: p", p, expected)
EOF
venv/bin/python finding.py
