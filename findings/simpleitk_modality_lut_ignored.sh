#!/usr/bin/env bash
# SimpleITK applies a rescale slope but ignores a Modality LUT.
#
# Guess    Both are the same step of the grey-scale pipeline, so a reader that applies one applies
#          the other.
# Seen     For a file with a Modality LUT Sequence (a table from stored value to optical density),
#          SimpleITK 2.5.7 returns the stored values 100, 200, 300, 400. pydicom 3.0.2
#          (apply_modality_lut) returns the table's 1250, 5000, 11250, 20000. SimpleITK gives no
#          warning.
# Why      The Modality LUT module (DICOM PS3.3, C.11.1) holds either Rescale Slope and Intercept or
#          a Modality LUT Sequence. GDCM, which SimpleITK reads with, implements the first.
# Cost     Film digitisers and some older CR systems use a table that is not linear: densities and
#          contrasts are wrong.
# Instead  Look for (0028,3000) before reading with SimpleITK; apply the table with pydicom.
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
from pydicom.pixels import apply_modality_lut
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid


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


table = Dataset()
table.add_new("LUTDescriptor", "US", [512, 0, 16])
table.ModalityLUTType = "OD"
table.add_new("LUTData", "US", [n * n // 8 for n in range(512)])
stored = np.array([[100, 200], [300, 400]], np.uint16)
ds = image(stored, SecondaryCaptureImageStorage, "OT", ConversionType="DF", ModalityLUTSequence=[table])
ds.save_as("film.dcm", enforce_file_format=True)

seen = sitk.GetArrayFromImage(sitk.ReadImage("film.dcm")).ravel().tolist()
check("SimpleITK", seen, [100, 200, 300, 400])
read = dcmread("film.dcm")
check("pydicom", apply_modality_lut(read.pixel_array, read).ravel().tolist(), [1250, 5000, 11250, 20000])
EOF
venv/bin/python finding.py
