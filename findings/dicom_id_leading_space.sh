#!/usr/bin/env bash
# pydicom and SimpleITK treat " 123" and "123" as two patients, and "Doe^Jane^^^" and "Doe^Jane" as
# two names.
#
# Guess    Padding is removed on reading, as trailing spaces are.
# Seen     pydicom 3.0.2 returns " 123" and "123" for two files of one patient, and the two names
#          compare unequal. SimpleITK 2.5.7 returns the same. Trailing spaces are removed by
#          pydicom.
# Why      For LO (Patient ID) leading and trailing spaces are not significant, and trailing empty
#          components of a person name may be left out with their delimiters (DICOM PS3.5, 6.2 and
#          6.2.1). Readers remove trailing padding only.
# Cost     Grouping by Patient ID puts one patient into training and test, and results look better
#          than they are.
# Instead  Strip both ends of Patient ID, and trailing "^" of names, before comparing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    pydicom==3.0.2 numpy==2.4.6 simpleitk==2.5.7
cat > finding.py <<'EOF'
import sys

import numpy as np
import SimpleITK as sitk
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
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


for name, who in (("padded.dcm", (" 123", "Doe^Jane^^^")), ("plain.dcm", ("123 ", "Doe^Jane"))):
    ds = image(np.zeros((2, 2), np.uint16), CTImageStorage, "CT", RescaleSlope=1, RescaleIntercept=0)
    ds.PatientID, ds.PatientName = who
    ds.save_as(name, enforce_file_format=True)
a, b = dcmread("padded.dcm"), dcmread("plain.dcm")
check("pydicom, Patient ID", [a.PatientID, b.PatientID], [" 123", "123"])
check("pydicom, equal names", a.PatientName == b.PatientName, False)
ids = [sitk.ReadImage(name).GetMetaData("0010|0020").rstrip() for name in ("padded.dcm", "plain.dcm")]
check("SimpleITK, Patient ID", ids, [" 123", "123"])
EOF
venv/bin/python finding.py
