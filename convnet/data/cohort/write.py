"""Writing images as valid DICOM files with synthetic headers, and the table of labels beside them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from convnet.data.cohort.build import Cohort
from convnet.data.errors import CohortError
from convnet.output.spreadsheet import write_csv

if TYPE_CHECKING:
    from pydicom import Dataset

NAMESPACE = uuid.UUID("6b2d0b1e-5c9b-5c0f-9d0a-3f2f7a1c4e11")


def make_uid(*parts: object) -> str:
    """A UID that depends on `parts` alone: '2.25.' and a version 5 UUID as a decimal number (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(NAMESPACE, '/'.join(str(p) for p in parts)).int}"


def new_image(sop_class: str, pixels: np.ndarray, patient: str, key: str, modality: str) -> Dataset:
    """A data set with the modules every image has: SOP common, patient, study, series, equipment, image,
    image pixel.

    pixels: (rows, columns), uint8 or int16, MONOCHROME2, or (rows, columns, 3) uint8, RGB; all bits
    used. Types 1 and 2 of PS3.3 C.7, C.12.1.
    key: what makes this image's UIDs its own; patient: a synthetic patient's ID, with one study and one
    series.
    """
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    colour = pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8
    if not colour and (pixels.ndim != 2 or pixels.dtype not in (np.uint8, np.int16)):
        raise ValueError(
            f"new_image: pixels are {pixels.shape} {pixels.dtype}: expected (rows, columns) uint8 or int16, or "
            "(rows, columns, 3) uint8"
        )
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = UID(sop_class)
    ds.SOPInstanceUID = make_uid(key, "instance")
    ds.Modality = modality
    ds.PatientID = ds.PatientName = patient
    ds.StudyInstanceUID = make_uid(patient, "study")
    ds.SeriesInstanceUID = make_uid(patient, "series")
    ds.StudyID = ds.SeriesNumber = ds.InstanceNumber = "1"
    for keyword in ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "ReferringPhysicianName"):
        setattr(ds, keyword, "")
    for keyword in ("AccessionNumber", "PatientOrientation", "Laterality"):
        setattr(ds, keyword, "")
    ds.Manufacturer = "formula-convnet"
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "synthetic header"
    ds.BurnedInAnnotation = "NO"
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        ds.PlanarConfiguration = 0
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OB" if ds.BitsAllocated == 8 else "OW"
    return ds


def write_dicom(cohort: Cohort, folder: str | os.PathLike[str], modality: str = "OT", seed: int = 0) -> Path:
    """A cohort as DICOM files (Secondary Capture, PS3.3 A.8) and `labels.csv` -> the table's path.

    Files: <split>/<number>.dcm, in the cohort's order, uint8 = round(255 x), no window, so that reading them
    back at their own size gives round(255 x) / 255: the same bits for a cohort of 8-bit images. Patients
    become SYNTH-00001, ... (an unknown one is a patient of its own). UIDs depend on `seed` and the image's
    number alone.
    Raises CohortError when the folder already holds a table or images: nothing is overwritten.
    """
    from pydicom.uid import SecondaryCaptureImageStorage

    root = new_folder(folder)
    known: dict[str, str] = {}
    rows = []
    for i, patient in enumerate(cohort.patients):
        name = known.setdefault(patient or f"\0{i}", f"SYNTH-{len(known) + 1:05d}")
        image = cohort.x[i][..., 0] if cohort.x.shape[3] == 1 else cohort.x[i]
        pixels = np.rint(image.astype(np.float64) * 255).astype(np.uint8)
        ds = new_image(SecondaryCaptureImageStorage, pixels, name, f"cohort/{seed}/{i}", modality)
        ds.StudyInstanceUID = make_uid("cohort", seed, name, "study")
        ds.SeriesInstanceUID = make_uid("cohort", seed, name, "series")
        ds.ConversionType = "WSD"
        path = f"{cohort.splits[i]}/{i:05d}.dcm"
        save(ds, root / path)
        rows.append((path, cohort.classes[cohort.y[i]], name, cohort.splits[i]))
    return write_table(root, rows)


def new_folder(folder: str | os.PathLike[str]) -> Path:
    """Make the folder.

    Raises CohortError if it exists and is not empty: old files would mix with the new ones.
    """
    root = Path(folder)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise CohortError(f"{root}: exists and is not an empty folder: name a new one, nothing was written")
    root.mkdir(parents=True, exist_ok=True)
    return root


def save(ds: Dataset, path: Path) -> None:
    """Write a DICOM file (PS3.10) with preamble and file meta header, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)


def write_table(root: Path, rows: Iterable[tuple[str, str, str, str]]) -> Path:
    """Write labels.csv (path, label, patient, split) -> its path."""
    table = root / "labels.csv"
    write_csv(table, [("path", "label", "patient", "split"), *rows])
    return table
