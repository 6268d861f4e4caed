#!/usr/bin/env bash
# The mean that Numba computes of a float32 image lies above its largest pixel.
#
# Guess    array.mean() in a compiled function gives what NumPy gives.
# Seen     An image of 512 x 512 pixels, all 1000.1 (float32): NumPy 2.4.6 gives 1000.1, Numba
#          0.68.1 gives 1003.9. For a million uniform values from 1000 to 1001 Numba gives 1010.6.
# Why      Numba adds one value after the other in float32, where the sum soon has steps of 16.
#          NumPy adds in pairs.
# Cost     Hounsfield units shifted by an offset of 1024, or times in a header, are all near 1000: a
#          normalization by the mean is off by several units.
# Instead  Sum in float64: np.sum(a.astype(np.float64)) or an accumulator that starts as 0.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    numba==0.68.1 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import numpy as np
from numba import njit


@njit
def mean(a):
    return a.mean()


@njit
def exact_mean(a):
    total = 0.0
    for value in a:
        total += value
    return total / a.size


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


image = np.full(512 * 512, 1000.1, np.float32)
check("NumPy", round(float(image.mean()), 1), 1000.1)
check("Numba, array.mean()", round(float(mean(image)), 1), 1003.9)
check("Numba, float64 accumulator", round(float(exact_mean(image)), 1), 1000.1)
image = np.random.default_rng(0).uniform(1000, 1001, 1024 * 1024).astype(np.float32)
check("uniform from 1000 to 1001: mean above the largest pixel", bool(mean(image) > image.max()), True)
EOF
venv/bin/python finding.py
