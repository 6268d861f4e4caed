"""One file as `convnet diagnose` needs it: its images, what they were made of, and what they are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.dicom import pipeline
from convnet.data.dicom.colour import luminance
from convnet.data.dicom.facts import facts, owners
from convnet.data.dicom.frames import frame_count
from convnet.data.dicom.geometry import geometry
from convnet.data.dicom.header import require_pixels
from convnet.data.dicom.parse import read_header
from convnet.data.dicom.reference import reference
from convnet.data.dicom.waveform import has_waveform
from convnet.data.errors import DicomError, FrameError
from convnet.data.limits import open_regular
from convnet.data.preparation import Preparation

if TYPE_CHECKING:
    from pydicom import Dataset

OWN = ("window", "invert", "padding")  # the stages that show the file's own rows and columns in grey


def examine(
    path: str | os.PathLike[str], plain: dict[str, Any], pictures: bool = False, filed: bool = False
) -> Iterator[Any]:
    """First what the header says, as a dict; then for each frame (image, grey, geometry), or why it cannot be read.

    plain      how pixels are prepared (`Preparation.to_plain`)
    sha256     of the file; facts: `facts.facts`; patient: its PatientID, or ""; owners: `facts.owners`
    reference  `reference.reference` if `filed`, else ""
    image      as in `pipeline.read_images`
    grey       with `pictures` the frame in its own (rows, columns), uint8; else, and for waveforms, None
    geometry   `geometry.Geometry.to_plain` then, else None
    Raises DicomError.
    """
    preparation = Preparation.from_plain(plain)
    ds = read_header(path)
    yield {
        "sha256": digest(path),
        "facts": facts(ds),
        "patient": str(ds.get("PatientID") or "").strip(),
        "owners": owners(ds),
        "reference": reference(ds, path) if filed else "",
    }
    sound = False
    try:
        for frame in examine_frames(ds, path, preparation, pictures):
            sound = sound or not isinstance(frame, str)
            yield frame
    except DicomError as error:
        if sound:
            raise
        yield error.reason  # its header is sound, which says whom the lost image is of


def examine_frames(ds: Dataset, path: object, preparation: Preparation, pictures: bool) -> Iterator[Any]:
    """Yield (image, grey, geometry) of each frame, or why it cannot be read. Raises DicomError for the whole file."""
    if has_waveform(ds):
        yield next(pipeline.each_frame(ds, path, preparation)), None, None
        return
    require_pixels(ds, path)
    for frame in range(frame_count(ds, path)):
        try:
            yield examine_frame(ds, path, frame, preparation, pictures)
        except FrameError as error:
            yield error.reason


def examine_frame(ds: Dataset, path: object, frame: int, preparation: Preparation, pictures: bool) -> tuple[Any, ...]:
    """Return (image, grey, geometry) of one frame. Raises FrameError for a frame that cannot be read."""
    if not pictures:
        return pipeline.last(pipeline.stages(ds, path, frame, preparation)).array, None, None
    for step in pipeline.stages(ds, path, frame, preparation):
        if step.name in OWN:
            grey = step.array if step.array.ndim == 2 else luminance(step.array)
    return step.array, np.rint(grey * 255).astype(np.uint8), geometry(ds, path, frame, preparation).to_plain()


def digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    sha = hashlib.sha256()
    with open_regular(path) as file:
        while piece := file.read(2**18):
            sha.update(piece)
    return sha.hexdigest()
