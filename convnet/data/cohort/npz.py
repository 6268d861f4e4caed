"""A cohort from a MedMNIST .npz file (Yang et al., Scientific Data 10:41, 2023)."""

from __future__ import annotations

import os
from collections.abc import Sequence

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
) -> Cohort:
    """Load the arrays train_images, train_labels, val_*, test_* of an .npz file as a cohort, v / 255.

    path          images are grey (n, H, W) or RGB (n, H, W, 3) uint8, labels whole numbers (n, 1) or (n,)
    size, aspect  as in `dicom.resize.resize`
    classes       the order of the classes, which are named by their numbers; else the sorted labels
    channels      1 for grey, 3 for colour
    limits        what the file may cost: `arrays` bytes

    Never unpickles.
    Raises CohortError for a damaged file, one that is not MedMNIST, or one with several labels an image.
    """
    Preparation(size, aspect, None, channels)  # refuses what cannot be
    images: list[np.ndarray] = []
    records: list[Record] = []
    for name, (x, y) in read_arrays(path, limits).items():
        found = unit_images(x, f"{path}: {name}_images", channels)
        facts = {"photometric": "RGB"} if x.shape[3:] == (3,) else {}
        images += [resize(image, size, aspect) if size is not None else image for image in found]
        records += [Record(str(label), f"{name}[{i}]", split=name, facts=facts) for i, label in enumerate(y)]
    return build(images, records, classes=classes)


def read_arrays(path: str | os.PathLike[str], limits: Limits | None = None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return {split: (images, labels (n,))}, checked. Raises CohortError."""
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
    out = {}
    for name in SPLITS:
        x, y = arrays[f"{name}_images"], arrays[f"{name}_labels"]
        if y.dtype.kind not in "iu" or y.ndim not in (1, 2) or (y.ndim == 2 and y.shape[1] != 1):
            what = f"{y.shape} {y.dtype}"
            raise CohortError(f"{path}: {name}_labels is {what}: expected one whole number an image, (n, 1) or (n,)")
        if x.shape[:1] != y.shape[:1]:
            raise CohortError(f"{path}: {x.shape[:1][0]} {name}_images but {len(y)} {name}_labels")
        out[name] = (x, y.reshape(-1))
    return out
