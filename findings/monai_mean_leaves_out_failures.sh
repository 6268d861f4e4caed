#!/usr/bin/env bash
# MONAI's mean HD95 is 0 for a perfect mask and a missed lesion, and its mean Dice is 1 for a
# perfect mask and a false alarm.
#
# Guess    A missed lesion is the worst result there is, and pulls the mean down.
# Seen     Two cases, MONAI 1.6.1. One lesion found exactly, one not found at all:
#          HausdorffDistanceMetric(percentile=95) aggregates to 0.0, the best value. One lesion
#          found exactly, one healthy case half covered by a false mask: DiceMetric aggregates to
#          1.0.
# Why      A 95th percentile distance to an empty mask and a Dice against an empty truth are NaN,
#          and aggregate() leaves NaN out. ignore_empty=False makes the Dice of the false alarm 0.
# Cost     The method that misses or invents most lesions can have the best mean.
# Instead  Count the NaN (get_not_nans=True) and report them; give a missed lesion a fixed penalty;
#          use ignore_empty=False for Dice.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    torch==2.13.0 monai==1.6.1 scipy==1.17.1 numpy==2.4.6
cat > finding.py <<'EOF'
import sys
import warnings

import torch

warnings.simplefilter("ignore")
from monai.metrics import DiceMetric, HausdorffDistanceMetric  # noqa: E402


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


def mean(metric, predicted, truth):
    """Return the mean over the cases."""
    metric(torch.cat(predicted), torch.cat(truth))
    return float(metric.aggregate())


empty, lesion, false_alarm = (torch.zeros(1, 1, 8, 8) for _ in range(3))
lesion[0, 0, 2:4, 2:4] = 1
false_alarm[0, 0, :4] = 1
distance = HausdorffDistanceMetric(include_background=True, percentile=95)
check("HD95, one found and one missed", mean(distance, [lesion, empty], [lesion, lesion]), 0.0)
check("Dice, one found and one false alarm", mean(DiceMetric(), [lesion, false_alarm], [lesion, empty]), 1.0)
strict = DiceMetric(ignore_empty=False)
check("Dice, ignore_empty=False", mean(strict, [lesion, false_alarm], [lesion, empty]), 0.5)
EOF
venv/bin/python finding.py
