#!/usr/bin/env bash
# After scipy.ndimage.zoom by 2 the voxel spacing is not halved.
#
# Guess    zoom(image, 2) doubles the number of pixels, so the new spacing is half the old one and
#          positions scale by 2.
# Seen     In 16 pixels, a point at index 4 should be at index 8.5 and one at index 12 at 24.5 after
#          zooming by 2. scipy 1.17.1 puts them at 8.28 and 24.78. With grid_mode=True and
#          mode="grid-constant" the first is at 8.5.
# Why      By default the centres of the first and last pixels are kept, so the spacing becomes (n -
#          1) / (m - 1) of the old, not n / m. PyTorch 2.13.0 (interpolate with align_corners=False)
#          keeps the edges: 8.5.
# Cost     Coordinates drift by up to half a pixel towards the ends; a volume computed with the
#          halved spacing is wrong.
# Instead  Pass grid_mode=True, mode="grid-constant", or compute the spacing as old * (n - 1) / (m -
#          1).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    scipy==1.17.1 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import numpy as np
from scipy.ndimage import zoom


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


def centre(line):
    """Return the centre of mass, in pixels."""
    return round(float((np.arange(line.size) * line).sum() / line.sum()), 2)


for index, seen in ((4, 8.28), (12, 24.78)):
    point = np.zeros(16)
    point[index] = 1
    check(f"index {index}, half-pixel rule {2 * index + 0.5}", centre(zoom(point, 2, order=1)), seen)
    edges_kept = zoom(point, 2, order=1, grid_mode=True, mode="grid-constant")
    check("the same with grid_mode", centre(edges_kept), 2 * index + 0.5)
EOF
venv/bin/python finding.py
