#!/usr/bin/env bash
# A DICOMweb search by a range of dates in dicomweb-client's file client returns every study.
#
# Guess    A query that cannot be answered raises an error or returns nothing.
# Seen     DICOMfileClient (dicomweb-client 0.61.2) over studies of 2019, 2020 and 2021:
#          StudyDate=20200615 finds one, StudyDate=20200101-20201231 finds all three. The filter is
#          skipped; a log record says so.
# Why      Range matching is part of the query rules (DICOM PS3.4, C.2.2.2.5; PS3.18, 8.3.4). The
#          client validates the value as a date and, when it is not one, drops the whole filter.
# Cost     A cohort "of 2020" holds every year; a test set by date contains the training data.
# Instead  Query single dates, or filter the returned StudyDate values. Compare the number of
#          results with and without the filter.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    pydicom==3.0.2 numpy==2.4.6 dicomweb-client==0.61.2
cat > finding.py <<'EOF'
import os
import sys

import numpy as np
from dicomweb_client import DICOMfileClient
from pydicom.dataset import Dataset, FileMetaDataset
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


os.mkdir("archive")
for year in (2019, 2020, 2021):
    pixels = np.zeros((2, 2), np.uint16)
    ds = image(pixels, CTImageStorage, "CT", StudyDate=f"{year}0615", RescaleSlope=1, RescaleIntercept=0)
    ds.save_as(f"archive/{year}.dcm", enforce_file_format=True)
client = DICOMfileClient("file://" + os.path.abspath("archive"), update_db=True, in_memory=True)
for date, expected in (("20200615", 1), ("20200101-20201231", 3), ("20300101-", 3)):
    found = client.search_for_studies(search_filters={"StudyDate": date})
    check(f"studies found for StudyDate={date}", len(found), expected)
EOF
venv/bin/python finding.py
