"""Functions that a worker runs on one file: they take a path, and give plain values and arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from convnet.data import dicom
from convnet.data.dicom.facts import facts
from convnet.data.dicom.parse import read_header
from convnet.data.preparation import Preparation
from convnet.data.privacy import phi

Path = str | os.PathLike[str]


def images(path: Path, plain: dict[str, Any]) -> Iterator[np.ndarray]:
    """Yield `dicom.read_images` frame by frame. `plain`: `Preparation.to_plain`, here and below."""
    yield from map(dicom.sound, dicom.each_frame(read_header(path), path, Preparation.from_plain(plain)))


def labelled_images(path: Path, plain: dict[str, Any]) -> Iterator[Any]:
    """Yield the file's PatientID, or "", what its header says (`facts.facts`), then its frames."""
    preparation = Preparation.from_plain(plain)
    ds = read_header(path)
    yield str(ds.get("PatientID") or "").strip()
    yield facts(ds)
    yield from map(dicom.sound, dicom.each_frame(ds, path, preparation))


def steps(path: Path, plain: dict[str, Any], frame: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield each of `dicom.steps` as (name, what, array)."""
    for step in dicom.steps(path, **vars(Preparation.from_plain(plain)), frame=frame):
        yield step.name, step.what, step.array


def identifying(path: Path, dummy: str | None = None) -> dict[str, Any]:
    """Return `phi.identifying`."""
    return phi.identifying(path, dummy)


def describe(path: Path) -> dict[str, Any]:
    """Return `dicom.describe`."""
    return dicom.describe(path)
