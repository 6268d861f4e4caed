"""A cohort from a folder of DICOM files and a table of labels."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convnet.data.cohort.build import Cohort, Record, Skipped, build
from convnet.data.cohort.splits import require_apart
from convnet.data.cohort.store import Images, Store, unusable
from convnet.data.cohort.table import SPLITS, Row, read_table
from convnet.data.dicom.facts import NAMES
from convnet.data.errors import CohortError, DicomError
from convnet.data.limits import Limits
from convnet.data.preparation import Preparation, Window
from convnet.data.pseudonyms import pseudonym, shown
from convnet.data.reading import tasks
from convnet.data.reading.readers import Readers, processors

NOT_LISTED = "is not in the table of labels"


def load_folder(
    folder: str | os.PathLike[str],
    labels: str | os.PathLike[str],
    size: int | None = 28,
    aspect: str = "pad",
    window: Window | None = None,
    strict: bool = False,
    seed: int = 0,
    classes: Sequence[str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    split_all: str | None = None,
    limits: Limits | None = None,
    workers: int | None = None,
    cache: bool = False,
    channels: int = 1,
) -> Cohort:
    """Every image that the table `labels` names below `folder`, through the pixel pipeline
    (`dicom.read_images`).

    labels       CSV: path (relative to folder), label; optional patient, split (train, val, test)
    size, aspect, window, channels    as in `dicom.read_images`
    strict       an image that cannot be used is an error; else it is left out and reported in `skipped`
    seed         of the 70/10/20 split that is drawn when the table has no split column
    classes      the order of the classes, for instance a trained model's; else the sorted labels
    on_progress  called with (rows done, rows in all) after each row
    split_all    puts every image in this one split, whatever the table says (to evaluate on another
    hospital's images)
    limits, workers  what a file may cost, and how many processes decode (`readers.Readers`)
    cache        keep decoded images on disk (`store.Store`): files that are known are not decoded again, and the
      cohort's x need not fit into memory; an interrupted run goes on from there. Needs a size.
    `skipped` also reports the files below the folder that the table does not name (hidden files apart). A
    patient is never in two splits: by the table's patient column or, without it, by the files' PatientID.
    Raises CohortError for a table or a cohort that cannot be used, DicomError for the first bad image if
    strict.
    """
    preparation = Preparation(size, aspect, window, channels)
    if split_all is not None and split_all not in SPLITS:
        raise CohortError(f"split_all={split_all!r} is unknown: expected one of {', '.join(SPLITS)}")
    root = Path(folder)
    if not root.is_dir():
        raise CohortError(f"{root}: is not a folder")
    rows = read_table(labels)
    if split_all is None and rows[0].patient is not None and rows[0].split is not None:  # before any decoding
        require_apart([r.patient or "" for r in rows], [r.split or "" for r in rows], [r.path for r in rows])

    found: list[Frame] = []
    skipped: list[Skipped] = []
    with explain_damage(), ExitStack() as stack:
        store = stack.enter_context(Store.open(preparation)) if cache else None
        readers = stack.enter_context(Readers(limits, workers or min(processors(), -(-len(rows) // 16))))
        results = readers.map(lambda row: read_row(readers, store, root, row, preparation), rows)
        for done, (row, result) in enumerate(results, start=1):
            if not isinstance(result, DicomError):
                found += keep_frames(row, result, store)
            elif strict:
                raise result
            else:
                skipped.append(Skipped(shown(row.path), result.reason))
            if on_progress is not None:
                on_progress(done, len(rows))
        images = collect_pixels(found, store)
    records = [
        Record(
            frame.row.label,
            frame.row.path,
            frame.number,
            patient=pseudonym("patient", frame.row.patient or "") or frame.patient,
            split=split_all or frame.row.split,
            group=group,
            facts=frame.facts,
        )
        for frame, group in zip(found, name_groups(found), strict=True)
    ]
    skipped += list_unnamed(root, Path(labels), rows)
    return build(images, records, classes=classes, skipped=skipped, seed=seed)


@dataclass(frozen=True, eq=False)
class Frame:
    """One image as it was read: its row of the table, its number in the file, and its pixels or their place on disk.

    patient  pseudonym of the PatientID in its header, "" if there is none; facts: what else the header says
    """

    row: Row
    number: int
    patient: str
    facts: dict[str, str]
    pixels: np.ndarray | int


def keep_frames(row: Row, read: Read, store: Store | None) -> list[Frame]:
    """Return the frames of one file, their pixels in the store if it takes them."""
    pixels: Sequence[np.ndarray | int] = read.images
    if store is not None and all(map(store.takes, read.images)):
        pixels = store.add(read.content, read.images, read.facts) if read.at is None else read.at
    facts = {name: read.facts.get(name, "") for name in NAMES}
    return [Frame(row, n, read.facts["patient"], facts, p) for n, p in enumerate(pixels)]


def collect_pixels(found: Sequence[Frame], store: Store | None) -> list[np.ndarray] | Images:
    """Return all images: arrays, or what the store keeps on disk. Raises CohortError for a mixture of the two."""
    arrays = [frame.pixels for frame in found if isinstance(frame.pixels, np.ndarray)]
    places = [frame.pixels for frame in found if isinstance(frame.pixels, int)]
    if arrays and places:
        raise CohortError("images and electrocardiograms in one table: make a table for each kind")
    return store.images(np.array(places, np.int64)) if store is not None and places else arrays


@contextmanager
def explain_damage() -> Iterator[None]:
    """What SQLite finds wrong with the kept images' index becomes an error that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise unusable(error) from None


@dataclass(frozen=True, eq=False)
class Read:
    """One file: what its header says (`facts`), and its images or, where the store has them, their places."""

    facts: dict[str, str]
    images: list[np.ndarray]
    at: range | None = None
    content: bytes | None = None  # None: not to be kept


def read_row(readers: Readers, store: Store | None, root: Path, row: Row, preparation: Preparation) -> Read:
    """Read the file of one row, from the store or by a worker. Raises DicomError with the reason to skip it."""
    path = locate(root, row)
    content = before = None
    try:
        if store is not None:
            before = os.stat(path)
            content = store.content(path, readers.limits.file)
            if known := store.find(content):
                return Read(known[1], [], known[0])
        patient, facts, *images = readers.read(tasks.labelled_images, path, preparation.to_plain())
        if before is not None and signature(before) != signature(os.stat(path)):
            content = None  # it was written to meanwhile: these may be another content's pixels
    except OSError as error:
        raise DicomError(path, f"cannot be opened: {error.strerror}") from None
    return Read({"patient": pseudonym("header", patient), **facts}, images, None, content)


def signature(status: os.stat_result) -> tuple[int, ...]:
    """What changes when a file is written to."""
    return status.st_ino, status.st_size, status.st_mtime_ns


def locate(root: Path, row: Row) -> Path:
    """The file of a row, below the folder also when links are followed. Raises DicomError."""
    path = root / row.path
    if not row.label:
        raise DicomError(path, f"row {row.line} has an empty label")
    try:
        if not path.is_file():
            raise DicomError(path, f"row {row.line}: no such file")
        if not path.resolve().is_relative_to(root.resolve()):
            raise DicomError(path, f"row {row.line}: is a link out of the folder: put the file itself there")
    except (OSError, RuntimeError) as error:  # a name too long for the system, a ring of links
        raise DicomError(
            path, f"row {row.line}: cannot be opened: {getattr(error, 'strerror', None) or error}"
        ) from None
    return path


def name_groups(found: Sequence[Frame]) -> list[str]:
    """Return what stays in one split, for each image: the table's patient, else the file's, else the file itself.

    A row without a patient falls back to its file's PatientID: an empty cell must not hide an overlap. A file's
    patient is named by the first of the patient's paths, so that a drawn split does not depend on the key.
    """
    first: dict[str, str] = {}
    for frame in found:
        first[frame.patient] = min(first.get(frame.patient, frame.row.path), frame.row.path)
    return [
        frame.row.patient or (f"header {first[frame.patient]}" if frame.patient else f"file {frame.row.path}")
        for frame in found
    ]


def list_unnamed(root: Path, labels: Path, rows: Sequence[Row]) -> list[Skipped]:
    """The files below the folder, the table itself and hidden files apart, that no row names.

    Links to folders are not followed.
    """
    named = {row.path for row in rows}
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(folder).relative_to(root)
        found += [(below / name).as_posix() for name in names if not name.startswith(".")]
    others = sorted(set(found) - named)
    return [
        Skipped(shown(p), NOT_LISTED)
        for p in others
        if not (labels.exists() and (root / p).exists() and labels.samefile(root / p))
    ]
