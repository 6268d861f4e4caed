"""Every image of a table, read one file at a time, and of each what the checks need."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from convnet.audit.hashing import SIDE, exact
from convnet.data.cohort.folder import list_unnamed, locate, owner_of
from convnet.data.cohort.groups import Owner, group_images
from convnet.data.cohort.rows import list_rows
from convnet.data.cohort.table import Columns, Row
from convnet.data.dicom.facts import NAMES
from convnet.data.dicom.resize import resize
from convnet.data.errors import DicomError
from convnet.data.limits import Limits
from convnet.data.preparation import Preparation
from convnet.data.pseudonyms import pseudonym, shown
from convnet.data.reading.far_readers import open_readers
from convnet.data.reading.labelled import Labelled, read_labelled
from convnet.data.reading.listing import opened_folder
from convnet.data.reading.readers import processors

SHOWN = 96  # pixels of the pictures in the page: too few to read a burned-in name


@dataclass(frozen=True, eq=False)
class Image:
    """One frame: its row in the table, and what is known of it.

    patient   a pseudonym, "" if unknown; facts: `data.facts`
    exact     a hash of its pixels; picture (32,32) and thumb, at most 96 pixels, in grey 0..1
    sd        standard deviation of the grey values; top: the share of pixels that have the largest value
    windowed  whether a window decides what is white: the user's, the file's, or the one for CT
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
    windowed: bool = False

    @property
    def name(self) -> str:
        """How results name it: by its place in the user's own table, and by its file."""
        return f"{name_row(self.row)}" + (f", frame {self.frame}" if self.frame else "")


@dataclass
class Collection:
    """What was read, what could not be, and what was ignored in headers (remarks).

    groups  of each image, the name of what should stay in one split: its patient or, if unknown, its study or file
    """

    images: list[Image] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    waveforms: int = 0
    unreadable: list[tuple[Row, str]] = field(default_factory=list)
    remarks: list[tuple[Row, str]] = field(default_factory=list)
    not_listed: int = 0
    has_splits: bool = False


def read(
    folder: Path,
    labels: Path | None,
    limits: Limits | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    columns: Columns | None = None,
    preparation: Preparation | None = None,
    executor: Executor | None = None,
) -> Collection:
    """Read the images of a folder, or of a zip or tar of one, by a table or by folders named after classes.

    preparation  which window and which slices; its size is not used
    limits       what one file may cost
    on_progress  called with (rows done, rows in all)
    executor     whose workers open the files, instead of this machine's processes
    Raises CohortError for a table that cannot be read.
    """
    own = replace(preparation or Preparation(), size=None)
    with opened_folder(folder, limits) as root:
        rows = list_rows(folder, root, labels, columns)
        out = Collection(has_splits=rows[0].split is not None)
        out.not_listed = 0 if labels is None else len(list_unnamed(root, labels, rows))
        owners: list[Owner] = []
        with open_readers(limits, min(processors(), -(-len(rows) // 16)), executor) as readers:

            def images(row: Row) -> tuple[Labelled, list[Image | None]]:
                file = read_labelled(readers, locate(root, row), own)
                return file, [
                    describe(row, n, file, image, own) for n, image in zip(file.frames, file.images, strict=True)
                ]

            for done, (row, found) in enumerate(readers.map(images, rows), 1):
                if isinstance(found, DicomError):
                    out.unreadable.append((row, found.reason))
                else:
                    file, described = found
                    shown_images = [image for image in described if image is not None]
                    out.images += shown_images
                    out.waveforms += len(described) - len(shown_images)
                    out.unreadable += [(row, reason) for reason in file.refusals()]
                    out.remarks += [(row, text) for text in file.remarks]
                    owners += [owner_of(row, file) for _ in shown_images]
                if on_progress is not None:
                    on_progress(done, len(rows))
    out.groups, _ = group_images(owners)
    return out


def describe(row: Row, frame: int, file: Labelled, pixels: np.ndarray, own: Preparation) -> Image | None:
    """Return an image's description; None for an electrocardiogram."""
    if pixels.ndim != 2:
        return None
    largest = float(pixels.max())
    windowed = own.window is not None or bool(file.facts.get("window")) or file.facts.get("modality") == "CT"
    return Image(
        row=row,
        frame=frame,
        patient=pseudonym("patient", row.patient or "") or file.patient,
        facts={name: file.facts.get(name, "") for name in NAMES},
        exact=exact(pixels),
        picture=resize(pixels, SIDE, "stretch"),
        thumb=resize(pixels, SHOWN, "pad") if max(pixels.shape) > SHOWN else pixels,
        sd=float(pixels.std(dtype=np.float64)),
        top=float(np.mean(pixels == largest)),
        windowed=windowed,
    )


def name_row(row: Row) -> str:
    """Return how results name a row and its file."""
    return f"row {row.line} ({shown(row.path)})"


def shown_path(image: Image) -> str:
    """Return the file's name as other results show it."""
    return shown(image.row.path)
