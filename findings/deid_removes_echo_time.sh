#!/usr/bin/env bash
# deid's default recipe removes echo, repetition and inversion time from MR images, but keeps the
# flip angle.
#
# Guess    A default recipe removes dates and times of day, and keeps acquisition parameters.
# Seen     After deid 0.4.13 replace_identifiers with its default recipe, EchoTime, RepetitionTime
#          and InversionTime are gone. FlipAngle, PixelSpacing and SliceThickness are still there.
# Why      The recipe has the line "REMOVE endswith:Time". DICOM PS3.15, Table E.1-1, does not list
#          these three for removal.
# Cost     Sequences can no longer be told apart (T1 or T2 weighted), and quantitative maps cannot
#          be computed.
# Instead  Write a recipe that keeps them, and compare the header of one file before and after.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    pydicom==3.0.2 numpy==2.4.6 deid==0.4.13
cat > finding.py <<'EOF'
import sys

import numpy as np
from deid.dicom import get_identifiers, replace_identifiers
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid


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


parameters = {"EchoTime": 90, "RepetitionTime": 2000, "InversionTime": 150, "FlipAngle": 90}
image(np.zeros((2, 2), np.uint16), MRImageStorage, "MR", **parameters).save_as("mr.dcm", enforce_file_format=True)
clean = replace_identifiers(dicom_files=["mr.dcm"], ids=get_identifiers(["mr.dcm"]), save=False)[0]
kept = [keyword for keyword in (*parameters, "PixelSpacing", "SliceThickness") if keyword in clean]
check("kept", kept, ["FlipAngle", "PixelSpacing", "SliceThickness"])
EOF
venv/bin/python finding.py
