#!/usr/bin/env bash
# Pillow rotates a 16-bit image by mixing its bytes: bilinear values above 1000 come back below 256.
#
# Guess    rotate(10, BILINEAR) of a 16-bit grey image equals the rotation of the same values as
#          floating point, rounded.
# Seen     A ramp from 1000 to 2500 rotated by 10 degrees in Pillow 13.0.0: with NEAREST it is
#          right; with BILINEAR and BICUBIC the largest value is below 256. resize() of the same
#          image is right. There is no error.
# Why      For mode I;16 the interpolating filters of rotate run on single bytes.
# Cost     Rotation as augmentation turns 16-bit radiographs into noise; a network trained on them
#          learns nothing or the wrong thing.
# Instead  Convert to mode F before rotating: Image.fromarray(pixels.astype(np.float32)).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    pillow==13.0.0 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import numpy as np
from PIL import Image


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


ramp = np.tile((np.arange(16) * 100 + 1000).astype(np.uint16), (16, 1))
for name, how, broken in (
    ("nearest", Image.Resampling.NEAREST, False),
    ("bilinear", Image.Resampling.BILINEAR, True),
    ("bicubic", Image.Resampling.BICUBIC, True),
):
    rotated = np.asarray(Image.fromarray(ramp).rotate(10, how))
    exact = np.asarray(Image.fromarray(ramp.astype(np.float32)).rotate(10, how))
    print(name, "16 bits:", rotated[8, 4:8].tolist(), "floating point:", exact[8, 4:8].round().tolist())
    check(f"{name}, 16-bit values all below 256", bool(rotated.max() < 256), broken)
small = np.asarray(Image.fromarray(ramp).resize((7, 7), Image.Resampling.BILINEAR)).astype(float)
exact = np.asarray(Image.fromarray(ramp.astype(np.float32)).resize((7, 7), Image.Resampling.BILINEAR))
check("bilinear resize, right within 1", bool(np.abs(small - exact).max() < 1), True)
EOF
venv/bin/python finding.py
