#!/usr/bin/env bash
# highdicom returns different numbers from pydicom for the same PET file: it prefers the real-world
# value map to the rescale.
#
# Guess    Every reader gives the rescaled values (Bq/ml) unless asked for something else.
# Seen     A PET image with Rescale Slope 2.5 and a real-world value map with slope 0.01 (SUV).
#          Stored 100 to 400: highdicom 0.28.2 get_frame() gives 1, 2, 3, 4; pydicom 3.0.2 and
#          SimpleITK 2.5.7 give 250 to 1000.
# Why      get_frame applies the Real World Value Mapping (DICOM PS3.3, C.7.6.16.2.11) when there is
#          one, in place of the Modality LUT.
# Cost     A pipeline moved from pydicom to highdicom changes its unit for those files that carry a
#          map, and only for those.
# Instead  Pass apply_real_world_transform=False for the modality's unit, or True and check the
#          unit.
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


unit = Dataset()
unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "{SUVbw}g/ml", "UCUM", "SUV by body weight"
real = Dataset()
real.add_new("RealWorldValueFirstValueMapped", "US", 0)
real.add_new("RealWorldValueLastValueMapped", "US", 65535)
real.RealWorldValueSlope, real.RealWorldValueIntercept = 0.01, 0.0
real.LUTLabel, real.LUTExplanation, real.MeasurementUnitsCodeSequence = "SUV", "by body weight", [unit]
stored = np.array([[100, 200], [300, 400]], np.uint16)
rescale = {"RescaleSlope": 2.5, "RescaleIntercept": 0, "Units": "BQML"}
ds = image(stored, PositronEmissionTomographyImageStorage, "PT", RealWorldValueMappingSequence=[real], **rescale)
ds.save_as("pet.dcm", enforce_file_format=True)

frame = hd.imread("pet.dcm")
check("highdicom", frame.get_frame(1).ravel().tolist(), [1.0, 2.0, 3.0, 4.0])
rescaled = [250.0, 500.0, 750.0, 1000.0]
check("highdicom, no real-world map", frame.get_frame(1, apply_real_world_transform=False).ravel().tolist(), rescaled)
read = dcmread("pet.dcm")
check("pydicom", apply_rescale(read.pixel_array, read).ravel().tolist(), rescaled)
check("SimpleITK", sitk.GetArrayFromImage(sitk.ReadImage("pet.dcm")).ravel().tolist(), rescaled)
EOF
venv/bin/python finding.py
