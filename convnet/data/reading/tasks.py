"""What is done to a file in a worker: functions of a path whose results are plain values and arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from convnet.data import dicom
from convnet.data.dicom.facts import facts
from convnet.data.dicom.parse import read_header
from convnet.data.privacy import phi

Path = str | os.PathLike[str]


def images(path: Path, size: int | None, aspect: str, window: dicom.Window | None) -> Iterator[np.ndarray]:
    """`dicom.read_images`, frame by frame."""
    dicom.check_arguments(size, aspect, window)
    yield from map(dicom.sound, dicom.each_frame(read_header(path), path, size, aspect, window))


def labelled_images(
    path: Path, size: int | None, aspect: str, window: dicom.Window | None, channels: int = 1
) -> Iterator[Any]:
    """The file's PatientID, or "", what its header says (`facts.facts`), then its frames."""
    dicom.check_arguments(size, aspect, window, channels)
    ds = read_header(path)
    yield str(ds.get("PatientID") or "").strip()
    yield facts(ds)
    yield from map(dicom.sound, dicom.each_frame(ds, path, size, aspect, window, channels))


def steps(
    path: Path, size: int | None, aspect: str, window: dicom.Window | None, frame: int, channels: int = 1
) -> Iterator[tuple[str, str, np.ndarray]]:
    """`dicom.steps` as (name, what, array)."""
    for step in dicom.steps(path, size, aspect, window, frame, channels):
        yield step.name, step.what, step.array


def identifying(path: Path, dummy: str | None = None) -> dict[str, Any]:
    """`phi.identifying`."""
    return phi.identifying(path, dummy)


def describe(path: Path) -> dict[str, Any]:
    """`dicom.describe`."""
    return dicom.describe(path)
