#!/usr/bin/env bash
# SimpleITK reads a PET series as integers when only its first slice has an integer slope.
#
# Guess    A series whose slices have different rescale slopes is read as floating point.
# Seen     With slopes 1 and 0.3 and stored values 1 to 4, SimpleITK 2.5.7 gives 0, 0, 0, 1 for the
#          second slice instead of 0.3, 0.6, 0.9, 1.2. There is no warning. Read alone, the same
#          slice is right.
# Why      ImageSeriesReader takes the pixel type from the first file and converts every other slice
#          to it. In PET the slope differs from slice to slice by design (DICOM PS3.3, C.8.9.4: PET
#          Image module, Rescale Slope).
# Cost     Standardised uptake values are rounded down to whole numbers, in all slices but some. A
#          lesion with an SUV below 1 disappears.
# Instead  Call SetOutputPixelType(sitk.sitkFloat32) on the reader before Execute.
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
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage, generate_uid


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


stored = np.array([[1, 2], [3, 4]], np.uint16)
series, files = generate_uid(), []
for number, slope in enumerate([1, 0.3]):
    place = {"SeriesInstanceUID": series, "InstanceNumber": number + 1, "ImagePositionPatient": [0, 0, number]}
    rescale = {"RescaleSlope": slope, "RescaleIntercept": 0, "Units": "BQML"}
    ds = image(stored, PositronEmissionTomographyImageStorage, "PT", **place, **rescale)
    files.append(f"{number}.dcm")
    ds.save_as(files[-1], enforce_file_format=True)

reader = sitk.ImageSeriesReader()
reader.SetFileNames(files)
volume = reader.Execute()
check("pixel type of the series", volume.GetPixelIDTypeAsString(), "16-bit unsigned integer")
check("second slice, in the series", sitk.GetArrayFromImage(volume)[1].ravel().tolist(), [0, 0, 0, 1])
alone = sitk.GetArrayFromImage(sitk.ReadImage(files[1]))
check("second slice, alone", alone.ravel().round(6).tolist(), [0.3, 0.6, 0.9, 1.2])
reader.SetOutputPixelType(sitk.sitkFloat32)
exact = sitk.GetArrayFromImage(reader.Execute())[1]
check("second slice, output type float32", np.float64(exact).ravel().round(6).tolist(), [0.3, 0.6, 0.9, 1.2])
EOF
venv/bin/python finding.py
