#!/usr/bin/env bash
# pydicom shows a CT black through a VOI LUT that starts below zero, if the file is in implicit VR.
#
# Guess    The same header gives the same picture in every transfer syntax.
# Seen     A CT with unsigned pixels, intercept -1024 and a VOI LUT from -200 to 200 HU. Read from
#          explicit VR, pydicom 3.0.2 gives 0, 28835, 32767, 65535. Read from implicit VR, it gives
#          0, 0, 0, 0.
# Why      LUT Descriptor is US or SS. In implicit VR the file does not say which, and pydicom
#          decides by Pixel Representation, so -200 becomes 65336. The table is applied after the
#          Modality LUT, so its input is in HU, which are signed (DICOM PS3.3, C.11.2.1.1).
# Cost     Black images from one archive and correct images from another, or a data set half of
#          whose images are empty.
# Instead  If the first mapped value is above 32767 and the rescaled pixels are negative, subtract
#          65536 from it before apply_voi.
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
from pydicom.pixels import apply_rescale, apply_voi
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid


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
table.add_new("LUTDescriptor", "SS", [401, -200, 16])
table.add_new("LUTData", "US", [int(v) for v in np.linspace(0, 65535, 401)])
stored = np.array([[0, 1000], [1024, 2000]], np.uint16)
shown = {}
for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
    ds = image(stored, CTImageStorage, "CT", RescaleSlope=1, RescaleIntercept=-1024, VOILUTSequence=[table])
    ds.file_meta.TransferSyntaxUID = syntax
    ds.save_as("ct.dcm", enforce_file_format=True)
    ds = dcmread("ct.dcm")
    first = ds.VOILUTSequence[0].LUTDescriptor[1]
    shown[syntax.name] = [first, *apply_voi(apply_rescale(ds.pixel_array, ds), ds).ravel().tolist()]
explicit, implicit = shown.values()
check("explicit VR: first mapped value, then four pixels", explicit, [-200, 0, 28835, 32767, 65535])
check("implicit VR: first mapped value, then four pixels", implicit, [65336, 0, 0, 0, 0])
EOF
venv/bin/python finding.py
