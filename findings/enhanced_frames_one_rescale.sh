#!/usr/bin/env bash
# SimpleITK applies the first frame's rescale slope to every frame of an enhanced multi-frame image,
# and pydicom applies none.
#
# Guess    A reader that rescales single-frame files correctly rescales each frame of an Enhanced
#          MR, CT or PET file by the slope stated for that frame.
# Seen     Two frames of stored value 100 with slopes 10 and 20: SimpleITK 2.5.7 gives 1000 and
#          1000, pydicom 3.0.2 (apply_rescale) gives 100 and 100, highdicom 0.28.2 gives 1000 and
#          2000, which is right. Neither of the first two warns.
# Why      The slope is in the Pixel Value Transformation Sequence of the per-frame functional
#          groups (DICOM PS3.3, C.7.6.16.2.9), not at the top level of the data set.
# Cost     Quantitative frames (T1 or ADC maps, PET) are wrong by the ratio of the slopes, with a
#          plausible appearance.
# Instead  Read such files with highdicom, or apply each frame's own Pixel Value Transformation.
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
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_rescale
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, generate_uid


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


def item(**values):
    """Return a sequence of one item."""
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return [ds]


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


ds = image(np.full((2, 2, 2), 100, np.uint16), EnhancedMRImageStorage, "MR", NumberOfFrames=2)
for keyword in ("PixelSpacing", "SliceThickness", "ImageOrientationPatient", "ImagePositionPatient"):
    delattr(ds, keyword)
ds.SharedFunctionalGroupsSequence = item(
    PixelMeasuresSequence=item(PixelSpacing=[1, 1], SliceThickness=1),
    PlaneOrientationSequence=item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
)
ds.PerFrameFunctionalGroupsSequence = [
    item(
        FrameContentSequence=item(StackID="1", InStackPositionNumber=n + 1, DimensionIndexValues=[1, n + 1]),
        PlanePositionSequence=item(ImagePositionPatient=[0, 0, n]),
        PixelValueTransformationSequence=item(RescaleSlope=slope, RescaleIntercept=0, RescaleType="US"),
    )[0]
    for n, slope in enumerate([10, 20])
]
ds.save_as("enhanced.dcm", enforce_file_format=True)

seen = sitk.GetArrayFromImage(sitk.ReadImage("enhanced.dcm"))[:, 0, 0].tolist()
check("SimpleITK, frames 1 and 2", seen, [1000, 1000])
read = dcmread("enhanced.dcm")
check("pydicom, frames 1 and 2", apply_rescale(read.pixel_array, read)[:, 0, 0].tolist(), [100, 100])
frames = hd.imread("enhanced.dcm")
check("highdicom, frames 1 and 2", [float(frames.get_frame(n)[0, 0]) for n in (1, 2)], [1000.0, 2000.0])
EOF
venv/bin/python finding.py
