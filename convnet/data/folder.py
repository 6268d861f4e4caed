"""A cohort from a folder of DICOM files and a table of labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from convnet.data.build import Cohort, Skipped, build
from convnet.data.dicom import Window, check_window, render
from convnet.data.errors import CohortError, DicomError
from convnet.data.facts import facts
from convnet.data.header import read_header
from convnet.data.resize import check_size
from convnet.data.splits import require_apart
from convnet.data.table import SPLITS, Row, read_table

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
) -> Cohort:
    """Every image that the table `labels` names below `folder`, through the pixel pipeline
    (`dicom.read_images`).

    labels       CSV: path (relative to folder), label; optional patient, split (train, val, test)
    size, aspect, window    as in `dicom.read_images`
    strict       an image that cannot be used is an error; else it is left out and reported in `skipped`
    seed         of the 70/10/20 split that is drawn when the table has no split column
    classes      the order of the classes, for instance a trained model's; else the sorted labels
    on_progress  called with (rows done, rows in all) after each row
    split_all    puts every image in this one split, whatever the table says (to evaluate on another
    hospital's images) `skipped` also reports the files below the folder that the table does not name (hidden
    files apart). A patient is never in two splits: by the table's patient column or, without it, by the
    files' PatientID.
    Raises CohortError for a table or a cohort that cannot be used, DicomError for the first bad image if
    strict.
    """
    check_size(size, aspect)
    check_window(window)
    if split_all is not None and split_all not in SPLITS:
        raise CohortError(f"split_all={split_all!r} is unknown: expected one of {', '.join(SPLITS)}")
    root = Path(folder)
    if not root.is_dir():
        raise CohortError(f"{root}: is not a folder")
    rows = read_table(labels)
    if split_all is None and rows[0].patient is not None and rows[0].split is not None:  # before any decoding
        require_apart([r.patient or "" for r in rows], [r.split or "" for r in rows], [r.path for r in rows])

    images: list[np.ndarray] = []
    of: list[Row] = []
    frames: list[int] = []
    ids: list[str] = []
    said: list[dict[str, str]] = []
    skipped: list[Skipped] = []
    for done, row in enumerate(rows, start=1):
        try:
            found, patient_id, known = read_row_images(root, row, size, aspect, window)
            images += found
            of += [row] * len(found)
            frames += range(len(found))
            ids += [patient_id] * len(found)
            said += [known] * len(found)
        except DicomError as error:
            if strict:
                raise
            skipped.append(Skipped(row.path, error.reason))
        if on_progress is not None:
            on_progress(done, len(rows))

    # a row without a patient falls back to its file's PatientID: an empty cell must not hide an overlap
    named = any(row.patient for row in of)
    header = [
        f"header {name}" if name and named else name for name in pseudonyms(ids)
    ]  # no table's patient is so named
    patients = [row.patient or name for row, name in zip(of, header, strict=True)]
    splits = [split_all or row.split or "" for row in of] if split_all or rows[0].split is not None else None
    return build(
        images,
        [row.label for row in of],
        paths=[row.path for row in of],
        frames=frames,
        patients=patients,
        splits=splits,
        classes=classes,
        groups=[patient or f"file {row.path}" for patient, row in zip(patients, of, strict=True)],
        facts=said,
        skipped=skipped + unlisted(root, Path(labels), rows),
        seed=seed,
    )


def read_row_images(
    root: Path, row: Row, size: int | None, aspect: str, window: Window | None
) -> tuple[list[np.ndarray], str, dict[str, str]]:
    """(the frames of one row's file, its PatientID or "", its header's facts). Raises DicomError with the reason to skip it."""
    path = root / row.path
    if not row.label:
        raise DicomError(path, f"row {row.line} has an empty label")
    if not path.is_file():
        raise DicomError(path, f"row {row.line}: no such file")
    ds = read_header(path)
    return render(ds, path, size, aspect, window), str(ds.get("PatientID") or "").strip(), facts(ds)


def pseudonyms(ids: Sequence[str]) -> list[str]:
    """P0001, P0002, ... for each distinct PatientID in order of appearance, "" for none: a file's ID goes no
    further.
    """
    names: dict[str, str] = {"": ""}
    for patient_id in ids:
        names.setdefault(patient_id, f"P{len(names):04d}")
    return [names[patient_id] for patient_id in ids]


def unlisted(root: Path, labels: Path, rows: Sequence[Row]) -> list[Skipped]:
    """The files below the folder, the table itself and hidden files apart, that no row names."""
    named = {row.path for row in rows}
    found = sorted(
        path.relative_to(root)
        for path in root.rglob("*")
        if path.is_file() and not (labels.exists() and path.samefile(labels))
    )
    hidden = [any(part.startswith(".") for part in path.parts) for path in found]
    return [
        Skipped(path.as_posix(), NOT_LISTED)
        for path, skip in zip(found, hidden, strict=True)
        if not skip and path.as_posix() not in named
    ]
