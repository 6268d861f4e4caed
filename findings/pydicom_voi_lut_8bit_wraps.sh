#!/usr/bin/env bash
# pydicom shows values above an 8-bit VOI LUT as dark instead of white.
#
# Guess    Values beyond the last entry of a VOI LUT take the last entry.
# Seen     A table of 256 entries with 8-bit output maps 255 to 255, as it should. pydicom 3.0.2
#          (apply_voi) maps 256 to 0 and 300 to 44.
# Why      The index is kept in an array of the table's output type (uint8), so it wraps at 256
#          before it is limited. DICOM PS3.3, C.11.2.1.1: input values beyond the table map to its
#          last entry.
# Cost     Bone or contrast agent above the window turns black or grey in an exported picture.
# Instead  Limit the pixels to first + entries - 1 before calling apply_voi.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    pydicom==3.0.2 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_voi
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
table.add_new("LUTDescriptor", "US", [256, 0, 8])
table.add_new("LUTData", "US", list(range(256)))
stored = np.array([[0, 255], [256, 300]], np.uint16)
image(
    stored, SecondaryCaptureImageStorage, "OT", bits_stored=12, ConversionType="WSD", VOILUTSequence=[table]
).save_as("lut.dcm", enforce_file_format=True)

ds = dcmread("lut.dcm")
check("0, 255, 256, 300 through the table", apply_voi(ds.pixel_array, ds).ravel().tolist(), [0, 255, 0, 44])
limited = np.minimum(ds.pixel_array, 255)
check("the same, limited first", apply_voi(limited, ds).ravel().tolist(), [0, 255, 255, 255])
EOF
venv/bin/python finding.py
