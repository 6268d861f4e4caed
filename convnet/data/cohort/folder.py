"""A cohort from a folder of images and a table of labels."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from convnet.data.cohort.build import Cohort, Notes, Record, Skipped, build
from convnet.data.cohort.groups import Owner, describe_grouping, group_images
from convnet.data.cohort.labels import describe_labels
from convnet.data.cohort.rows import list_rows
from convnet.data.cohort.splits import require_apart
from convnet.data.cohort.store import Images, Store, unusable
from convnet.data.cohort.table import SPLITS, Columns, Row
from convnet.data.cohort.targets import recognise
from convnet.data.dicom.facts import NAMES
from convnet.data.errors import CohortError, DicomError
from convnet.data.limits import Limits
from convnet.data.preparation import Preparation, Window
from convnet.data.pseudonyms import pseudonym, shown
from convnet.data.reading.far_readers import open_readers
from convnet.data.reading.labelled import Labelled, read_labelled
from convnet.data.reading.listing import is_index, opened_folder, require_inside
from convnet.data.reading.readers import Readers, processors

NOT_LISTED = "is not in the table of labels"


def load_folder(
    folder: str | os.PathLike[str],
    labels: str | os.PathLike[str] | None,
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
    executor: Executor | None = None,
    cache: bool = False,
    channels: int = 1,
    columns: Columns | None = None,
    slices: str = "axial",
    task: str = "auto",
) -> Cohort:
    """Return a cohort of every image that a table names below a folder, through the pixel pipeline.

    folder       or a zip or tar of one, or its DICOMDIR
    labels       CSV or .xlsx: path (within the folder; of a file, or of a folder of one label), label; optional
                 patient, split (train, val, test). None: the folders are named after classes (`list_class_folders`)
    columns      what the table's columns are called, if not so
    size, aspect, window, channels, slices    as in `Preparation`
    task         what the labels are (`targets.TASKS`); "auto" goes by how they look (`targets.recognise`)
    strict       an image that cannot be used is an error; else it is left out and reported in `skipped`
    seed         of the 70/10/20 split that is drawn when the table has no split column
    classes      the order of the classes, for instance a trained model's; else the sorted labels
    on_progress  called with (rows done, rows in all) after each row
    split_all    puts every image in this one split, whatever the table says (to evaluate on another
    hospital's images)
    limits, workers  what a file may cost, and how many processes decode (`readers.Readers`)
    executor     whose workers decode, instead of this machine's processes: they see the files under the same paths
    cache        keep decoded images on disk (`store.Store`): files that are known are not decoded again, and the
      cohort's x need not fit into memory; an interrupted run goes on from there. Needs a size.
    `skipped` also reports the files below the folder that the table does not name (hidden files apart), and single
    frames that cannot be used. A patient is never in two splits: by the table's patient column; without it, by the
    files' PatientID; without that, by study, series and frame of reference (`groups.group_images`).
    Raises CohortError for a table or a cohort that cannot be used, DicomError for the first bad image if
    strict.
    """
    preparation = Preparation(size, aspect, window, channels, slices)
    if split_all is not None and split_all not in SPLITS:
        raise CohortError(f"split_all={split_all!r} is unknown: expected one of {', '.join(SPLITS)}")
    with opened_folder(folder, limits) as root:
        rows = list_rows(Path(folder), root, labels, columns)
        named = [row.label for row in rows if row.label]
        told = [] if classes is not None else list(describe_labels(named, task))
        task = recognise(named) if task == "auto" else task
        if split_all is None and rows[0].patient is not None and rows[0].split is not None:  # before any decoding
            require_apart([r.patient or "" for r in rows], [r.split or "" for r in rows], [r.path for r in rows])

        found: list[Frame] = []
        skipped: list[Skipped] = []
        remarks: list[Skipped] = []
        with explain_damage(), ExitStack() as stack:
            store = stack.enter_context(Store.open(preparation)) if cache else None
            workers = workers or min(processors(), -(-len(rows) // 16))
            readers = stack.enter_context(open_readers(limits, workers, executor))
            results = readers.map(lambda row: read_row(readers, store, root, row, preparation), rows)
            for done, (row, result) in enumerate(results, start=1):
                if isinstance(result, DicomError):
                    reasons, whose, counts = [result.reason], name_owners(row, None), [1]
                else:
                    found += keep_frames(row, result, store)
                    reasons, whose = result.file.refusals(), name_owners(row, result.file)
                    counts = result.file.refused_by_line()
                    remarks += [Skipped(shown(row.path), text) for text in result.file.remarks]
                if strict and reasons:
                    raise DicomError(Path(folder) / row.path, reasons[0])
                lines = zip(reasons, counts, strict=True)
                skipped += [Skipped(shown(row.path), reason, whose, images) for reason, images in lines]
                if on_progress is not None:
                    on_progress(done, len(rows))
            images = collect_pixels(found, store)
        skipped += [] if labels is None else list_unnamed(root, Path(labels), rows)
    groups, how = group_images([frame.owner for frame in found])
    records = [replace(frame.record, group=group) for frame, group in zip(found, groups, strict=True)]
    if split_all is not None:
        records = [replace(record, split=split_all) for record in records]
    notes = Notes(describe_grouping(how), remarks, told)
    return replace(build(images, records, classes=classes, skipped=skipped, seed=seed, task=task), notes=notes)


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One image as it was read: its row of the table, its number in the file, and its pixels or their place on disk."""

    row: Row
    number: int
    file: Labelled
    pixels: np.ndarray | int

    @property
    def owner(self) -> Owner:
        """Whom the image is of."""
        return owner_of(self.row, self.file)

    @property
    def record(self) -> Record:
        """What the cohort knows of it, its group apart."""
        whose = name_owners(self.row, self.file)
        return Record(self.row.label, self.row.path, self.number, split=self.row.split, facts=self.file.facts, **whose)


def name_owners(row: Row, file: Labelled | None) -> dict[str, str]:
    """Return the pseudonyms of the patient, study and series that a row's images are of, "" if unknown.

    A file of several images, such as a volume, that states no series is a series of its own.
    """
    patient = pseudonym("patient", row.patient or "")
    if file is None:
        return {"patient": patient, "study": "", "series": ""}
    series = file.owners.get("series", "")
    if not series and len(file.frames) + len(file.refused) > 1:
        series = pseudonym("volume", row.path)
    return {"patient": patient or file.patient, "study": file.owners.get("study", ""), "series": series}


def owner_of(row: Row, file: Labelled) -> Owner:
    """Return whom a file's images are of, by its row and its header."""
    return Owner(row.path, row.patient or "", file.patient, {**file.owners, "folder": row.folder})


def keep_frames(row: Row, read: Read, store: Store | None) -> list[Frame]:
    """Return the frames of one file, their pixels in the store if it takes them."""
    file = read.file
    pixels: Sequence[np.ndarray | int] = file.images
    if store is not None and all(map(store.takes, file.images)):
        pixels = store.add(read.content, file.images, file.to_plain()) if read.at is None else read.at
    kept = replace(file, images=[], facts=share_facts(file.facts))
    return [Frame(row, n, kept, p) for n, p in zip(file.frames, pixels, strict=True)]


@lru_cache(maxsize=4096)
def _one_dict(values: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(NAMES, values, strict=True))


def share_facts(facts: dict[str, str]) -> dict[str, str]:
    """Return the facts that a cohort keeps; one dict for all files that state the same, since files may be many."""
    return _one_dict(tuple(facts.get(name, "") for name in NAMES))


def collect_pixels(found: Sequence[Frame], store: Store | None) -> list[np.ndarray] | Images:
    """Return all images: arrays, or what the store keeps on disk. Raises CohortError for a mixture of the two."""
    arrays = [frame.pixels for frame in found if isinstance(frame.pixels, np.ndarray)]
    places = [frame.pixels for frame in found if isinstance(frame.pixels, int)]
    if arrays and places:
        raise CohortError("images and electrocardiograms in one table: make a table for each kind")
    return store.images(np.array(places, np.int64)) if store is not None and places else arrays


@contextmanager
def explain_damage() -> Iterator[None]:
    """Turn what SQLite finds wrong with the index of kept images into an error that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise unusable(error) from None


@dataclass(frozen=True, eq=False)
class Read:
    """One file: its images or, where the store has them, their places."""

    file: Labelled
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
                return Read(Labelled.from_plain(known[1]), known[0])
        file = read_labelled(readers, path, preparation)
        if before is not None and signature(before) != signature(os.stat(path)):
            content = None  # it was written to meanwhile: these may be another content's pixels
        if not file.images:
            content = None  # why it cannot be read may depend on the limits of this run
    except OSError as error:
        raise DicomError(path, f"cannot be opened: {error.strerror}") from None
    return Read(file, None, content)


def signature(status: os.stat_result) -> tuple[int, ...]:
    """Return what changes when a file is written to."""
    return status.st_ino, status.st_size, status.st_mtime_ns


def locate(root: Path, row: Row) -> Path:
    """Return the file of a row, which is below the folder even after links are followed. Raises DicomError."""
    path = root / row.path
    if not row.label:
        raise DicomError(path, f"row {row.line} has an empty label (nothing, or NaN)")
    try:
        if not path.is_file():
            raise DicomError(path, f"row {row.line}: no such file")
    except (OSError, RuntimeError) as error:  # a name too long for the system, a ring of links
        raise DicomError(
            path, f"row {row.line}: cannot be opened: {getattr(error, 'strerror', None) or error}"
        ) from None
    require_inside(path, root, f"row {row.line}: ")
    return path


def list_unnamed(root: Path, labels: Path, rows: Sequence[Row]) -> list[Skipped]:
    """Return the files below the folder that no row names, except the table itself, a DICOMDIR and hidden files.

    Links to folders are not followed.
    """
    named = {row.path for row in rows}
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(folder).relative_to(root)
        found += [(below / name).as_posix() for name in names if not (name.startswith(".") or is_index(name))]
    others = sorted(set(found) - named)
    return [
        Skipped(shown(p), NOT_LISTED)
        for p in others
        if not (labels.exists() and (root / p).exists() and labels.samefile(root / p))
    ]
