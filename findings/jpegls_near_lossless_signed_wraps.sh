#!/usr/bin/env bash
# JPEG-LS with an allowed error of 2 turns the largest CT value into the smallest one when the
# pixels are signed.
#
# Guess    "Near-lossless, error 2" means that no decoded pixel differs from the original by more
#          than 2.
# Seen     pydicom 3.0.2 with pyjpegls 1.5.1 compresses signed 12-bit pixels without complaint. Of
#          1024 pixels near the upper end of the range, 38 decode more than 4000 away: 2047 becomes
#          about -2047. pyjpegls, GDCM (python-gdcm 3.2.6) and libjpeg (pylibjpeg-libjpeg 2.5.0)
#          decode the file alike.
# Why      JPEG-LS codes unsigned samples (ITU-T T.87). Two's complement values are coded as
#          unsigned, so 2047 (0x7FF) and -2048 (0x800) are neighbours and the allowed error crosses
#          from one to the other.
# Cost     Metal or saturated bone becomes darker than air, in single pixels.
# Instead  Compress signed pixels losslessly, or shift them to unsigned with Rescale Intercept
#          first. dcmtk 3.6.7 refuses to encode such a file.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    pydicom==3.0.2 numpy==2.4.6 pyjpegls==1.5.1 python-gdcm==3.2.6 pylibjpeg==2.1.0 \
    pylibjpeg-libjpeg==2.5.0
cat > finding.py <<'EOF'
import sys

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import pixel_array
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLSNearLossless, generate_uid


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


original = np.random.default_rng(0).integers(2030, 2048, (32, 32)).astype(np.int16)
ds = image(original, CTImageStorage, "CT", bits_stored=12, RescaleSlope=1, RescaleIntercept=0)
ds.compress(JPEGLSNearLossless, jls_error=2)
ds.save_as("ct.dcm", enforce_file_format=True)

decoded = {plugin: pixel_array("ct.dcm", decoding_plugin=plugin) for plugin in ("pyjpegls", "gdcm", "pylibjpeg")}
for plugin, pixels in decoded.items():
    error = np.abs(pixels.astype(int) - original)
    print(plugin, "pixels beyond the allowed error:", int((error > 2).sum()), "of", error.size)
    check(f"{plugin}, largest error beyond 4000", bool(error.max() > 4000), True)
    check(f"{plugin}, brightest pixel decoded as negative", bool(pixels[original == 2047].min() < 0), True)
unsigned = image(original.astype(np.uint16), CTImageStorage, "CT", bits_stored=12, RescaleSlope=1, RescaleIntercept=0)
unsigned.compress(JPEGLSNearLossless, jls_error=2)
check("the same values as unsigned, largest error", int(np.abs(unsigned.pixel_array.astype(int) - original).max()), 2)
EOF
venv/bin/python finding.py
