#!/usr/bin/env bash
# A NIfTI file in micrometres is read 1000 times larger by nibabel than by SimpleITK.
#
# Guess    Either both convert to millimetres, or both return the numbers as stored.
# Seen     A microscope image with 500 um voxels and the unit code "micron": SimpleITK 2.5.7 gives a
#          spacing of 0.5 (mm), nibabel 5.4.2 gives an affine and zooms of 500. A time step of 2500
#          ms is 2.5 in SimpleITK and 2500 in nibabel.
# Why      NIfTI-1 states the unit in xyzt_units. nibabel returns it by header.get_xyzt_units() but
#          applies it nowhere.
# Cost     Volumes are off by 1e9, distances by 1000, and filters with a width in mm do nothing or
#          wipe out the image.
# Instead  Look at get_xyzt_units() and scale the affine before use.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    nibabel==5.4.2 numpy==2.4.6 simpleitk==2.5.7
cat > finding.py <<'EOF'
import sys

import nibabel as nib
import numpy as np
import SimpleITK as sitk


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


image = nib.Nifti1Image(np.zeros((2, 2, 2, 5), np.float32), np.diag([500.0, 500.0, 500.0, 1.0]))
image.header.set_zooms((500, 500, 500, 2500))
image.header.set_xyzt_units("micron", "msec")
nib.save(image, "cells.nii")

read = nib.load("cells.nii")
check("nibabel, zooms", [float(v) for v in read.header.get_zooms()], [500.0, 500.0, 500.0, 2500.0])
check("nibabel, affine", read.affine.diagonal().tolist(), [500.0, 500.0, 500.0, 1.0])
spacing = [round(v, 6) for v in sitk.ReadImage("cells.nii").GetSpacing()]
check("SimpleITK, spacing", spacing, [0.5, 0.5, 0.5, 2.5])
EOF
venv/bin/python finding.py
