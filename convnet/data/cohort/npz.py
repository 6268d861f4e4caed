"""A cohort from a MedMNIST .npz file (Yang et al., Scientific Data 10:41, 2023)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from convnet.data.arrays import ArrayFile
from convnet.data.cohort.build import Cohort, Record, build
from convnet.data.cohort.table import SPLITS
from convnet.data.dicom.resize import resize
from convnet.data.errors import CohortError, DicomError
from convnet.data.limits import Limits
from convnet.data.preparation import Preparation
from convnet.data.unit_images import unit_images


def load_npz(
    path: str | os.PathLike[str],
    size: int | None = 28,
    aspect: str = "pad",
    classes: Sequence[str] | None = None,
    channels: int = 1,
    limits: Limits | None = None,
    task: str = "auto",
) -> Cohort:
    """Load the arrays train_images, train_labels, val_*, test_* of an .npz file as a cohort, v / 255.

    path          images are grey (n, H, W) or RGB (n, H, W, 3) uint8; labels whole numbers (n, 1) or (n,), or 0 and 1
                  for each of several findings (n, K), or for task="regression" numbers (n, 1) or (n,)
    size, aspect  as in `dicom.resize.resize`
    classes       the order of the classes, which are named by their numbers; else the sorted labels
    channels      1 for grey, 3 for colour
    limits        what the file may cost: `arrays` bytes
    task          what the labels are; "auto": several findings for (n, K), else classes

    Never unpickles.
    Raises CohortError for a damaged file, one that is not MedMNIST, or one of volumes (MedMNIST's 3-D sets).
    """
    Preparation(size, aspect, None, channels)  # refuses what cannot be
    images: list[np.ndarray] = []
    records: list[Record] = []
    arrays = read_arrays(path, limits)
    several = max(y.ndim for _, y in arrays.values()) == 2
    measures = any(y.dtype.kind == "f" for _, y in arrays.values())
    if task == "auto":
        task = "multilabel" if several else "regression" if measures else "classes"
    if measures and task != "regression":
        raise CohortError(f"{path}: holds labels with decimals, which are not what --task {task} needs")
    if several != (task == "multilabel"):
        held = "several labels" if several else "one label"
        raise CohortError(f"{path}: holds {held} an image, which is not what --task {task} needs")
    if classes is None and several:
        classes = [str(k) for k in range(arrays["train"][1].shape[1])]
    for name, (x, y) in arrays.items():
        found = unit_images(x, f"{path}: {name}_images", channels)
        facts = {"photometric": "RGB"} if x.shape[3:] == (3,) else {}
        images += [resize(image, size, aspect) if size is not None else image for image in found]
        records += [Record(write_label(label), f"{name}[{i}]", split=name, facts=facts) for i, label in enumerate(y)]
    return build(images, records, classes=classes, task=task)


def write_label(label: Any) -> str:
    """Return one image's label as a table would hold it: "0|3" for findings 0 and 3, "none" for none."""
    if np.ndim(label) == 0:
        return str(label)
    return "|".join(map(str, np.flatnonzero(label))) or "none"


def read_arrays(path: str | os.PathLike[str], limits: Limits | None = None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return {split: (images, labels (n,) or (n, K))}, checked. Raises CohortError."""
    names = [f"{split}_{kind}" for split in SPLITS for kind in ("images", "labels")]
    try:
        with ArrayFile(path, (limits or Limits()).arrays) as file:
            if missing := [name for name in names if name not in file.members]:
                listed = ", ".join(file.members)
                raise CohortError(f"{path}: is not a MedMNIST file: {', '.join(missing)} missing, found: {listed}")
            arrays = {name: file.read(name) for name in names}
    except FileNotFoundError:
        raise CohortError(f"{path}: no such file") from None
    except (DicomError, OSError) as error:
        raise CohortError(str(error)) from None
    out: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name in SPLITS:
        x, y = arrays[f"{name}_images"], arrays[f"{name}_labels"]
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        binary = y.ndim == 2 and y.dtype.kind in "iub" and bool(np.isin(y, (0, 1)).all())
        if not (binary or (y.ndim == 1 and y.dtype.kind in "iuf")):
            what = f"{y.shape} {y.dtype}"
            raise CohortError(
                f"{path}: {name}_labels is {what}: expected one number an image, (n, 1) or (n,), or 0 and 1 for each "
                "of several findings, (n, K)"
            )
        if x.ndim >= 4 and x.shape[-1] not in (1, 3):
            raise CohortError(
                f"{path}: {name}_images is {x.shape}: volumes, as in MedMNIST's 3-D sets. These networks take images: "
                "cut volumes into slices, and join them again with --group"
            )
        if x.shape[:1] != y.shape[:1]:
            raise CohortError(f"{path}: {x.shape[:1][0]} {name}_images but {len(y)} {name}_labels")
        if out and y.shape[1:] != out["train"][1].shape[1:]:
            raise CohortError(f"{path}: {name}_labels has shape {y.shape}: expected as many labels an image as train")
        out[name] = (x, y)
    return out
