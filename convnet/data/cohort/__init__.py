"""A cohort: labelled images in train, val and test, from a folder of images, a MedMNIST .npz file, or arrays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convnet.data.cohort.build import Cohort, Record, Skipped, build
from convnet.data.cohort.folder import load_folder
from convnet.data.cohort.npz import load_npz
from convnet.data.cohort.write import write_dicom
from convnet.data.errors import CohortError
from convnet.data.reading.archive import is_archive
from convnet.data.unit_images import unit_images

__all__ = [
    "Cohort",
    "CohortError",
    "Skipped",
    "from_arrays",
    "load",
    "load_folder",
    "load_npz",
    "write_dicom",
]


def from_arrays(
    x: np.ndarray,
    y: Sequence[Any] | np.ndarray,
    *,
    splits: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    patients: Sequence[str] | None = None,
    paths: Sequence[str] | None = None,
    studies: Sequence[str] | None = None,
    series: Sequence[str] | None = None,
    channels: int = 1,
    seed: int = 0,
    task: str = "classes",
) -> Cohort:
    """Return a Cohort of arrays.

    x         images, as in `unit_images`
    y         (N,) labels: whole numbers or names, "a|b" for several findings, or measurements
    splits    "train", "val" or "test" for each image; None: 70/10/20 by patient, stratified, as in `load_folder`
    classes   the order of the classes; else the sorted labels
    patients  a name for each image, "" if unknown: no patient is in two splits
    paths     a name for each image
    studies, series  a name for each image, "" if unknown
    channels  1 for grey, 3 for colour
    seed      of the drawn split
    task      what the labels are (`targets.TASKS`)

    Raises CohortError.
    """
    images = unit_images(x, "x", channels)
    labels = [str(label) for label in np.asarray(y).tolist()]
    given = {"labels": labels, "patients": patients, "splits": splits, "paths": paths}
    given |= {"studies": studies, "series": series}
    for name, values in given.items():
        if values is not None and len(values) != len(images):
            raise CohortError(f"{len(images)} images but {len(values)} {name}: expected one for each image")
    records = [
        Record(
            label,
            path=f"image[{i}]" if paths is None else paths[i],
            patient="" if patients is None else patients[i],
            split=None if splits is None else splits[i],
            study="" if studies is None else studies[i],
            series="" if series is None else series[i],
        )
        for i, label in enumerate(labels)
    ]
    return build(images, records, classes=classes, seed=seed, task=task)


def load(source: str | os.PathLike[str], labels: str | os.PathLike[str] | None = None, **options: Any) -> Cohort:
    """Return a cohort from a folder of images, a zip or tar of one, or an .npz file.

    `labels` is the folder's table, `labels.csv` in it if None; an archive without one has folders of classes.
    `options` go to `load_folder` or `load_npz`. Raises CohortError if the source is neither.
    """
    source = Path(source)
    if source.is_dir():
        return load_folder(source, source / "labels.csv" if labels is None else labels, **options)
    if is_archive(source):
        return load_folder(source, labels, **options)
    if source.suffix == ".npz":
        if labels is not None:
            raise CohortError(f"{source}: an .npz file brings its own labels: leave out labels={str(labels)!r}")
        return load_npz(source, **options)
    missing = "does not exist" if not source.exists() else "is neither a folder nor an .npz file"
    raise CohortError(f"{source}: {missing}: expected a folder of images, a zip or tar, or a MedMNIST .npz file")
