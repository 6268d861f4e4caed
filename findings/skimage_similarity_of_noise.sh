#!/usr/bin/env bash
# scikit-image rates two unrelated 12-bit images as similar: SSIM 0.57, PSNR 31.8 dB.
#
# Guess    Two images of independent noise have an SSIM near 0 and a PSNR below 10 dB.
# Seen     Uniform noise from 0 to 4095 in uint16, scikit-image 0.26.0: structural_similarity is
#          0.57 and peak_signal_noise_ratio 31.8 dB. With data_range=4095 they are -0.003 and 7.7
#          dB. SSIM warns of the range it took, PSNR does not.
# Why      Without data_range, an integer type stands for its full range, 65535 here. Medical images
#          fill 12 of the 16 bits.
# Cost     Denoising and reconstruction results look excellent, by 24 dB.
# Instead  Always pass data_range, and state it beside the number.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    scikit-image==0.26.0 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


random = np.random.default_rng(0)
a, b = (random.integers(0, 4096, (64, 64)).astype(np.uint16) for _ in range(2))
check("SSIM of unrelated noise", round(float(structural_similarity(a, b)), 2), 0.57)
check("SSIM, data_range=4095", round(float(structural_similarity(a, b, data_range=4095)), 3), -0.003)
check("PSNR of unrelated noise in dB", round(float(peak_signal_noise_ratio(a, b)), 1), 31.8)
check("PSNR, data_range=4095", round(float(peak_signal_noise_ratio(a, b, data_range=4095)), 1), 7.7)
EOF
venv/bin/python finding.py
