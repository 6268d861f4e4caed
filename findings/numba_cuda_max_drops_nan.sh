#!/usr/bin/env bash
# max(x, np.float32(0)) keeps NaN in a Numba CPU function and drops it in the same function compiled
# for CUDA.
#
# Guess    One Python function means one thing on both targets.
# Seen     Compiled with Numba 0.68.1 for the CPU, max(NaN, 0) is NaN and max(0, NaN) is 0: the
#          first argument wins. numba-cuda 0.30.4 compiles both to the PTX instruction max.f32,
#          which returns the number whenever one of the two is NaN. With the integer literal 0,
#          max(x, 0), it compares in float64 and keeps NaN.
# Why      PTX max without .NaN returns the operand that is not NaN (PTX ISA, max). Python's max
#          keeps its first argument when the comparison is false.
# Cost     A NaN pixel gives NaN on the CPU and a finite prediction on the GPU; the type of a
#          literal decides.
# Instead  Write what you mean: x if not (x <= 0) else 0 keeps NaN on both targets.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    numba-cuda[cu13]==0.30.4 numba==0.68.1 numpy==2.4.6
cat > finding.py <<'EOF'
import re
import sys

import numpy as np
from numba import cuda, njit, types


def number_last(out, x):
    out[0] = max(x[0], np.float32(0))


def number_first(out, x):
    out[0] = max(np.float32(0), x[0])


def literal(out, x):
    out[0] = max(x[0], 0)


def spelled(out, x):
    out[0] = x[0] if not (x[0] <= np.float32(0)) else np.float32(0)


def on_the_cpu(function):
    """Return what the function makes of NaN."""
    out = np.zeros(1, np.float32)
    njit(function)(out, np.array([np.nan], np.float32))
    return str(float(out[0]))


def in_ptx(function):
    """Return the instructions that choose the larger value; no driver is needed."""
    ptx, _ = cuda.compile_ptx(function, (types.float32[::1], types.float32[::1]), cc=(8, 0))
    return sorted(set(re.findall(r"\b(?:max|setp\.\w+|selp)\.(?:NaN\.)?f\d\d", ptx)))


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


for function, cpu, gpu in (
    (number_last, "nan", ["max.f32"]),
    (number_first, "0.0", ["max.f32"]),
    (literal, "nan", ["selp.f64", "setp.lt.f64"]),
    (spelled, "nan", ["selp.f32", "setp.le.f32"]),
):
    check(f"{function.__name__} of NaN on the CPU", on_the_cpu(function), cpu)
    check(f"{function.__name__} in PTX", in_ptx(function), gpu)
EOF
venv/bin/python finding.py
