"""Functions that a worker runs on one file: they take a path, and give plain values and arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from convnet.data import dicom
from convnet.data.dicom.facts import facts, owners
from convnet.data.dicom.parse import read_header
from convnet.data.dicom.remarks import remarks
from convnet.data.errors import DicomError
from convnet.data.preparation import Preparation
from convnet.data.privacy import phi
from convnet.data.reading.image_file import PICTURES, read_picture

Path = str | os.PathLike[str]


def images(path: Path, plain: dict[str, Any]) -> Iterator[np.ndarray]:
    """Yield `dicom.read_images` frame by frame. `plain`: `Preparation.to_plain`, here and below."""
    yield from map(dicom.sound, dicom.each_frame(read_header(path), path, Preparation.from_plain(plain)))


def labelled_images(path: Path, plain: dict[str, Any]) -> Iterator[Any]:
    """Yield {patient, owners, facts} of the header, then each frame, or why it cannot be read; at last the remarks.

    patient  the PatientID, or ""; owners: `facts.owners`; facts: `facts.facts`; remarks: `remarks.remarks`
    """
    preparation = Preparation.from_plain(plain)
    if os.path.splitext(path)[1].lower() in PICTURES:
        yield {"patient": "", "owners": {}, "facts": {}}
        yield labelled_picture(str(path), preparation)
        yield []
        return
    ds = read_header(path)
    yield {"patient": str(ds.get("PatientID") or "").strip(), "owners": owners(ds), "facts": facts(ds)}
    told = sound = 0
    try:
        for image in dicom.each_frame(ds, path, preparation):
            if isinstance(image, dicom.FrameError):
                told += 1
                yield image.reason
            else:
                sound += 1
                yield image
    except DicomError as error:
        if sound:
            raise
        if not told:
            yield error.reason  # its header is sound, which says whom the lost image is of
    yield remarks(ds)


def labelled_picture(path: str, preparation: Preparation) -> np.ndarray:
    """Return a PNG, JPEG or the like as a DICOM file's frame would be: (H,W), or (H,W,3) in colour."""
    if preparation.window is not None:
        raise DicomError(path, "is a picture, whose values have no unit: --window is for DICOM files")
    image = read_picture(path, preparation)
    return image[..., 0] if preparation.channels == 1 else image


def steps(path: Path, plain: dict[str, Any], frame: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield each of `dicom.steps` as (name, what, array)."""
    for step in dicom.steps(path, **vars(Preparation.from_plain(plain)), frame=frame):
        yield step.name, step.what, step.array


def identifying(path: Path, dummy: str | None = None) -> dict[str, Any]:
    """Return `phi.identifying`."""
    return phi.identifying(path, dummy)


def sheet(path: Path) -> Iterator[list[str]]:
    """Yield the cells of each row of a workbook's first sheet (`spreadsheet.read_rows`)."""
    from convnet.data.reading.spreadsheet import read_rows

    yield from read_rows(path)


def describe(path: Path) -> dict[str, Any]:
    """Return `dicom.describe`."""
    return dicom.describe(path)
