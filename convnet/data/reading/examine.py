"""One file as `convnet diagnose` needs it: its images, what they were made of, and what they are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from convnet.data.dicom import pipeline
from convnet.data.dicom.colour import luminance
from convnet.data.limits import open_regular
from convnet.data.preparation import Preparation
from convnet.data.reading.kinds import open_source
from convnet.data.reading.source import Source

OWN = ("window", "invert", "padding")  # the stages that show the file's own rows and columns in grey


def examine(
    path: str | os.PathLike[str], plain: dict[str, Any], pictures: bool = False, filed: bool = False
) -> Iterator[Any]:
    """Yield what the header says, as a dict; then for each image (image, grey, geometry), or why it cannot be read.

    The dict is `Source.about` with sha256, of the file, and reference, `Source.reference` if `filed`, else "".

    plain      how pixels are prepared (`Preparation.to_plain`)
    image      as a network takes it
    grey       with `pictures` the image in its own (rows, columns), uint8; else, and for waveforms, None
    geometry   `geometry.Geometry.to_plain` then, else None
    Raises DicomError.
    """
    preparation, source = Preparation.from_plain(plain), open_source(path)
    reference = source.reference() if filed else ""
    yield {**source.about(preparation), "sha256": digest(path), "reference": reference}
    drawn = pictures and source.drawable
    yield from source.each(preparation, lambda number: examine_image(source, number, preparation, drawn))


def examine_image(source: Source, number: int, preparation: Preparation, pictures: bool) -> tuple[Any, ...]:
    """Return (image, grey, geometry) of one image. Raises FrameError for one that cannot be read."""
    if not pictures:
        return pipeline.last(source.stages(number, preparation)).array, None, None
    for step in source.stages(number, preparation):
        if step.name in OWN:
            grey = step.array if step.array.ndim == 2 else luminance(step.array)
    return step.array, np.rint(grey * 255).astype(np.uint8), source.geometry(number, preparation).to_plain()


def digest(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    sha = hashlib.sha256()
    with open_regular(path) as file:
        while piece := file.read(2**18):
            sha.update(piece)
    return sha.hexdigest()
