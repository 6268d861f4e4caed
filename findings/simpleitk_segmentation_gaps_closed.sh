#!/usr/bin/env bash
# SimpleITK reads a DICOM segmentation without its empty slices and stacks what is left 1 mm apart.
#
# Guess    A segmentation of a six-slice CT is read as a volume that lies on that CT.
# Seen     highdicom 0.28.2 leaves out empty frames, as it does unless told otherwise. Structures in
#          slices at 0, 5 and 25 mm are read by SimpleITK 2.5.7 as a volume of 3 slices at 25, 26
#          and 27 mm, and a set pixel has the value 255. There is no warning.
# Why      A Segmentation object may hold any subset of planes (DICOM PS3.3, A.51 and C.8.20.2);
#          positions are in the per-frame functional groups. ITK assumes an even stack.
# Cost     The mask lies beside the organ; volumes and overlaps with the CT are wrong.
# Instead  Read with highdicom: segread(...).get_volume() puts the empty slices back. Or write with
#          omit_empty_frames=False.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    pydicom==3.0.2 numpy==2.4.6 simpleitk==2.5.7 highdicom==0.28.2
cat > finding.py <<'EOF'
import sys

import highdicom as hd
import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid


def image(pixels, sop_class, modality, bits_stored=None, **header):
    """Return a grey DICOM image (N, rows, columns) or (rows, columns), Explicit VR Little Endian."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = (generate_uid() for _ in range(3))
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Phantom", "1", "", ""
    ds.StudyDate, ds.StudyTime, ds.StudyID = "20260101", "120000", "1"
    ds.AccessionNumber, ds.ReferringPhysicianName, ds.Manufacturer, ds.PositionReferenceIndicator = "", "", "", ""
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber, ds.ImageType = modality, 1, 1, ["ORIGINAL", "PRIMARY"]
    ds.Rows, ds.Columns = pixels.shape[-2:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = 8 * pixels.dtype.itemsize
    ds.BitsStored = bits_stored or ds.BitsAllocated
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(pixels.dtype.kind == "i")
    ds.PixelSpacing, ds.SliceThickness = [1, 1], 1
    ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 0]
    ds.add_new("PixelData", "OB" if ds.BitsAllocated == 8 else "OW", pixels.tobytes())
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    return ds


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


study = {k: generate_uid() for k in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")}
study |= {"RescaleSlope": 1, "RescaleIntercept": 0}
ct = [
    image(np.zeros((4, 4), np.int16), CTImageStorage, "CT", ImagePositionPatient=[0, 0, 5 * n], **study)
    for n in range(6)
]
mask = np.zeros((6, 4, 4), np.uint8)
mask[0, 0, 0] = mask[1, 1, 1] = mask[5, 3, 3] = 1
liver = hd.seg.SegmentDescription(
    1, "liver", codes.SCT.Organ, codes.SCT.Liver, hd.seg.SegmentAlgorithmTypeValues.MANUAL
)
hd.seg.Segmentation(
    ct, mask, "BINARY", [liver], generate_uid(), 1, generate_uid(), 1, "none", "none", "1", "1"
).save_as("liver.dcm")

volume = sitk.ReadImage("liver.dcm")
heights = [volume.TransformIndexToPhysicalPoint((0, 0, n))[2] for n in range(volume.GetSize()[2])]
check("SimpleITK, heights of its slices in mm", heights, [25.0, 26.0, 27.0])
check("SimpleITK, largest value", int(sitk.GetArrayFromImage(volume).max()), 255)
right = hd.seg.segread("liver.dcm").get_volume()
check("highdicom, shape", right.array.shape[:3], (6, 4, 4))
z = right.affine[2, 3] + right.affine[2, 0] * np.nonzero(right.array)[0]
check("highdicom, heights of the structures in mm", sorted(z.tolist()), [0.0, 5.0, 25.0])
EOF
venv/bin/python finding.py
