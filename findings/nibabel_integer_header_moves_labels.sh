#!/usr/bin/env bash
# A mask saved by nibabel with the header of an integer image comes back without a single voxel
# equal to 1.
#
# Guess    Labels 0, 1, 2, 3 held as floating point and saved with an int16 header are stored as 0,
#          1, 2, 3.
# Seen     nibabel 5.4.2 stores them stretched over the whole int16 range with a scale factor. Read
#          back, the labels print as 0, 1, 2, 3, but none equals 1 and none equals 2. astype(int)
#          gives 0, 1, 2: label 3 has become 2.
# Why      For data of another type than the header's, nibabel chooses scl_slope and scl_inter for
#          the best use of the range (NIfTI-1 header fields scl_slope, scl_inter). The labels come
#          back within rounding, not exactly.
# Cost     mask == 1 is empty, so Dice is 0; a cast moves the highest label to its neighbour.
# Instead  Cast to the integer type before constructing the image:
#          Nifti1Image(labels.astype(np.uint8), affine).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    nibabel==5.4.2 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import nibabel as nib
import numpy as np


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


scan = nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4))
labels = np.repeat(np.arange(4.0), 16).reshape(4, 4, 4)
nib.save(nib.Nifti1Image(labels, scan.affine, scan.header), "mask.nii")

read = nib.load("mask.nii").get_fdata()
check("labels as printed", [f"{v:.4g}" for v in np.unique(read)], ["0", "1", "2", "3"])
check("voxels equal to 1 and to 2, of 16 each", [int((read == k).sum()) for k in (1, 2)], [0, 0])
check("labels after astype(int)", np.unique(read.astype(int)).tolist(), [0, 1, 2])
nib.save(nib.Nifti1Image(labels.astype(np.uint8), scan.affine), "mask.nii")
check("cast first: voxels equal to 1", int((nib.load("mask.nii").get_fdata() == 1).sum()), 16)
EOF
venv/bin/python finding.py
