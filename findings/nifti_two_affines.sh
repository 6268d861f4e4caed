#!/usr/bin/env bash
# nibabel and SimpleITK put the same NIfTI file at different places when its two affines differ.
#
# Guess    Both use the sform when its code is set, since the standard calls it the more general
#          one.
# Seen     A file with qform code 1 (identity) and sform code 2 (rotated and shifted by 10, 20, 30
#          mm), as written after registration. nibabel 5.4.2 uses the sform: origin (10, 20, 30).
#          SimpleITK 2.5.7 uses the qform: origin (0, 0, 0), no rotation. With sform code 1,
#          SimpleITK uses the sform.
# Why      NIfTI-1 ("3D image orientation and location in space") allows both at once and leaves the
#          choice to the program. ITK prefers a qform with scanner coordinates to an sform aligned
#          to something else.
# Cost     The mask drawn in one tool is rotated and shifted in the other, with no warning.
# Instead  Write both affines equal (set_qform and set_sform), and compare them before a conversion.
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


image = nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4))
registered = np.eye(4)
registered[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
registered[:3, 3] = [10, 20, 30]
for sform_code, itk_origin in ((2, [0, 0, 0]), (1, [-10, -20, 30])):
    image.set_qform(np.eye(4), 1)
    image.set_sform(registered, sform_code)
    nib.save(image, "scan.nii")
    origin = nib.load("scan.nii").affine[:3, 3].tolist()
    check(f"sform code {sform_code}: nibabel, origin in mm (x to the right)", origin, [10.0, 20.0, 30.0])
    seen = [float(round(v, 4)) + 0.0 for v in sitk.ReadImage("scan.nii").GetOrigin()]
    check(f"sform code {sform_code}: SimpleITK, origin in mm (x to the left)", seen, itk_origin)
EOF
venv/bin/python finding.py
