#!/usr/bin/env bash
# SimpleITK inverts the stored values of a MONOCHROME1 image while reading.
#
# Guess    MONOCHROME1 concerns display only: readers return the stored values, as pydicom does.
# Seen     A 12-bit MONOCHROME1 image with stored values 100, 200, 300, 400 is returned by SimpleITK
#          2.5.7 as 3995, 3895, 3795, 3695, which is 4095 minus the value. The metadata still says
#          MONOCHROME1.
# Why      ITK's GDCM reader subtracts MONOCHROME1 pixels from the largest value of Bits Stored.
#          DICOM PS3.3, C.7.6.3.1.2, defines the term as how the values are displayed.
# Cost     Code that reads the tag and inverts as well shows the image inverted; measured exposure
#          values run the wrong way.
# Instead  Decide in one place: with SimpleITK never invert again; compare with pydicom's
#          pixel_array first.
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
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid


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


stored = np.array([[100, 200], [300, 400]], np.uint16)
ds = image(stored, ComputedRadiographyImageStorage, "CR", bits_stored=12, BodyPartExamined="CHEST", ViewPosition="PA")
ds.PhotometricInterpretation = "MONOCHROME1"
ds.save_as("chest.dcm", enforce_file_format=True)

read = sitk.ReadImage("chest.dcm")
check("SimpleITK", sitk.GetArrayFromImage(read).ravel().tolist(), [3995, 3895, 3795, 3695])
check("SimpleITK, tag (0028,0004)", read.GetMetaData("0028|0004").strip(), "MONOCHROME1")
check("pydicom", dcmread("chest.dcm").pixel_array.ravel().tolist(), [100, 200, 300, 400])
EOF
venv/bin/python finding.py
