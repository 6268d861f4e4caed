"""Functions that a worker runs on one file: they take a path, and give plain values and arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from convnet.data.dicom.parse import read_header
from convnet.data.dicom.pipeline import last
from convnet.data.errors import DicomError
from convnet.data.preparation import Preparation
from convnet.data.reading.kinds import identify, open_source

Path = str | os.PathLike[str]


def labelled_images(path: Path, plain: dict[str, Any]) -> Iterator[Any]:
    """Yield {patient, owners, facts, numbers}, then each image, or why it cannot be read; at last the remarks.

    plain    `Preparation.to_plain`, here and below
    patient  the PatientID, or ""; owners: `facts.owners`; facts: `facts.facts`; remarks: `Source.remarks`
    numbers  of the images, in their order; none if no image can be read
    """
    source, preparation = open_source(path), Preparation.from_plain(plain)
    yield source.about(preparation)
    yield from source.each(preparation, lambda number: last(source.stages(number, preparation)).array)
    yield source.remarks()


def steps(path: Path, plain: dict[str, Any], number: int | None) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield each of `Source.steps` as (name, what, array)."""
    for step in open_source(path).steps(number, Preparation.from_plain(plain)):
        yield step.name, step.what, step.array


def identifying(path: Path, dummy: str | None = None) -> dict[str, Any]:
    """Return `Source.identifying`."""
    return identify(path, dummy)


def sheet(path: Path) -> Iterator[list[str]]:
    """Yield the cells of each row of a workbook's first sheet (`spreadsheet.read_rows`)."""
    from convnet.data.reading.spreadsheet import read_rows

    yield from read_rows(path)


def describe(path: Path) -> dict[str, Any]:
    """Return `Source.describe`."""
    return open_source(path).describe()


def referenced(path: Path) -> list[list[str]]:
    """Return the Referenced File ID of each record of a DICOMDIR (PS3.3 F.3.2.2): the parts of a path."""
    from pydicom.multival import MultiValue

    from convnet.data.limits import current, refuse

    found = []
    ds = read_header(path, pixels=False)
    if "DirectoryRecordSequence" not in ds:
        raise DicomError(path, "is called DICOMDIR, but holds no directory of files")
    for record in ds.DirectoryRecordSequence or []:
        parts = record.get("ReferencedFileID")
        if parts:
            found.append([str(part) for part in (parts if isinstance(parts, MultiValue) else [parts])])
    if len(found) > current().members:
        raise refuse(path, f"names {len(found)} files, the limit is {current().members}", "members")
    return found
