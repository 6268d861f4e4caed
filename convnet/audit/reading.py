"""Every image of a table, read one file at a time, and of each what the checks need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from convnet.audit.hashing import SIDE, exact
from convnet.data.cohort.folder import list_unnamed, locate
from convnet.data.cohort.table import Row, read_table
from convnet.data.dicom.facts import NAMES
from convnet.data.dicom.resize import resize
from convnet.data.errors import CohortError, DicomError
from convnet.data.limits import Limits
from convnet.data.preparation import Preparation
from convnet.data.pseudonyms import pseudonym, shown
from convnet.data.reading import tasks
from convnet.data.reading.readers import Readers, processors

SHOWN = 96  # pixels of the pictures in the page: too few to read a burned-in name


@dataclass(frozen=True, eq=False)
class Image:
    """One frame: its row in the table, and what is known of it.

    patient   a pseudonym, "" if unknown; facts: `data.facts`
    exact     a hash of its pixels; picture (32,32) and thumb, at most 96 pixels, in grey 0..1
    sd        standard deviation of the grey values; top: the share of pixels that have the largest value
    """

    row: Row
    frame: int
    patient: str
    facts: dict[str, str]
    exact: str
    picture: np.ndarray
    thumb: np.ndarray
    sd: float
    top: float

    @property
    def name(self) -> str:
        """How results name it: by its place in the user's own table."""
        return f"row {self.row.line}" + (f", frame {self.frame}" if self.frame else "")


@dataclass
class Collection:
    """What was read, and what could not be."""

    images: list[Image] = field(default_factory=list)
    waveforms: int = 0
    unreadable: list[tuple[Row, str]] = field(default_factory=list)
    not_listed: int = 0
    has_splits: bool = False


def read(
    folder: Path, labels: Path, limits: Limits | None = None, on_progress: Callable[[int, int], None] | None = None
) -> Collection:
    """The images that a table names below a folder. Raises CohortError for a table that cannot be read."""
    if not folder.is_dir():
        raise CohortError(f"{folder}: is not a folder")
    rows = read_table(labels)
    out = Collection(has_splits=rows[0].split is not None, not_listed=len(list_unnamed(folder, labels, rows)))
    with Readers(limits, min(processors(), -(-len(rows) // 16))) as readers:

        def images(row: Row) -> list[Any]:
            path = locate(folder, row)
            try:
                patient, facts, *frames = readers.read(tasks.labelled_images, path, Preparation(size=None).to_plain())
                return [describe(row, n, patient, facts, frame) for n, frame in enumerate(frames)]
            except OSError as error:
                raise DicomError(path, f"cannot be opened: {error.strerror}") from None

        for done, (row, found) in enumerate(readers.map(images, rows), 1):
            if isinstance(found, DicomError):
                out.unreadable.append((row, found.reason))
            else:
                out.images += [image for image in found if image is not None]
                out.waveforms += sum(image is None for image in found)
            if on_progress is not None:
                on_progress(done, len(rows))
    return out


def describe(row: Row, frame: int, patient: str, facts: dict[str, str], pixels: np.ndarray) -> Image | None:
    """An image's description; None for an electrocardiogram."""
    if pixels.ndim != 2:
        return None
    largest = float(pixels.max())
    return Image(
        row=row,
        frame=frame,
        patient=pseudonym("patient", row.patient or "") or pseudonym("header", patient),
        facts={name: facts.get(name, "") for name in NAMES},
        exact=exact(pixels),
        picture=resize(pixels, SIDE, "stretch"),
        thumb=resize(pixels, SHOWN, "pad") if max(pixels.shape) > SHOWN else pixels,
        sd=float(pixels.std(dtype=np.float64)),
        top=float(np.mean(pixels == largest)),
    )


def shown_path(image: Image) -> str:
    """The file's name as other results show it."""
    return shown(image.row.path)
