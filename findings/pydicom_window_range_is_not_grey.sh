#!/usr/bin/env bash
# pydicom's apply_windowing returns values in the range of the pixels, not 0 to 255: a cast to uint8
# shows noise.
#
# Guess    A window maps to grey levels that can be saved as 8 bits, or at least to a range that
#          starts at 0.
# Seen     A signed 12-bit CT with window 40/400: pydicom 3.0.2 maps -2000, -160, 40 and 3000 HU to
#          -2048, -2048, 4.6 and 2047. As uint8 that is 0, 0, 4, 255. With 16 bits and intercept
#          -1024 the output runs from -1024 to 64511.
# Why      The output range is what Bits Stored can hold, after the rescale. DICOM PS3.3,
#          C.11.2.1.2.1, leaves the range open.
# Cost     The middle of the window, where the organ is, comes out almost black; two scanners give
#          two brightnesses.
# Instead  Rescale explicitly: (value - low) / (high - low) from the window's own limits.
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
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_windowing
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


hu = np.array([-2000.0, -160.0, 40.0, 3000.0])
window = {"WindowCenter": 40, "WindowWidth": 400, "RescaleSlope": 1}
signed = image(np.zeros((2, 2), np.int16), CTImageStorage, "CT", bits_stored=12, RescaleIntercept=0, **window)
seen = apply_windowing(hu, signed)
check("signed, 12 bits", seen.round(1).tolist(), [-2048.0, -2048.0, 4.6, 2047.0])
check("the same as uint8", seen.astype(np.int64).astype(np.uint8).tolist(), [0, 0, 4, 255])
unsigned = image(np.zeros((2, 2), np.uint16), CTImageStorage, "CT", RescaleIntercept=-1024, **window)
check("unsigned, 16 bits", apply_windowing(hu, unsigned).round(1).tolist(), [-1024.0, -1024.0, 31825.6, 64511.0])
EOF
venv/bin/python finding.py
