"""One image from a file of any kind that `convnet explain` takes: those of `kinds`, an array, one of a MedMNIST file.

`read_image` runs in a worker, under its limits. Its errors are DicomErrors, whatever the kind of file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from convnet.data.arrays import ArrayFile, read_npy
from convnet.data.dicom.pipeline import last
from convnet.data.dicom.resize import resize
from convnet.data.errors import CohortError, DicomError
from convnet.data.limits import current
from convnet.data.preparation import Preparation
from convnet.data.reading.kinds import open_source
from convnet.data.unit_images import unit_images

PICK = re.compile(r"(train|val|test)\[(\d{1,9})\]")


def read_image(path: str, plain: dict[str, Any], pick: str | None, frame: int | None) -> tuple[np.ndarray, str | None]:
    """Return (image (H,W,C), its label if the file has one). Arrays (.npy) are not prepared: they come as they are.

    plain  how pixels are prepared (`Preparation.to_plain`)
    pick   which image of an .npz file, such as "test[0]"
    frame  of a DICOM file, slice of a volume
    """
    preparation, kind = Preparation.from_plain(plain), Path(path).suffix.lower()
    if kind == ".npz":
        return read_npz_image(path, preparation, pick or "test[0]")
    if kind == ".npy":
        return read_npy(path), None
    return read_source(path, preparation, frame), None


def read_npz_image(path: str, preparation: Preparation, pick: str) -> tuple[np.ndarray, str]:
    """Return one image of a MedMNIST file and its label, without reading the others into memory."""
    found = PICK.fullmatch(pick)
    if found is None:
        raise DicomError(path, f"--pick {pick!r}: expected one image as train[N], val[N] or test[N]")
    split, number = found[1], int(found[2])
    with ArrayFile(path, current().arrays) as file:
        if missing := [n for n in (f"{split}_images", f"{split}_labels") if n not in file.members]:
            raise DicomError(path, f"is not a MedMNIST file: {', '.join(missing)} missing")
        image, count = file.read_item(f"{split}_images", number)
        label, _ = file.read_item(f"{split}_labels", number)
    if image is None or label is None:
        raise DicomError(path, f"{split}[{number}] does not exist: there are {count}, counted from 0")
    if label.size != 1:
        raise DicomError(path, f"{split}_labels has {label.size} labels for an image: expected one")
    return prepare(image, path, preparation), str(label.reshape(-1)[0])


def read_source(path: str, preparation: Preparation, number: int | None) -> np.ndarray:
    """Return one image (H,W,C) of a DICOM file, a picture or a volume; only this one is decoded."""
    image = last(open_source(path).steps(number, preparation)).array
    return image if image.ndim == 3 else image[..., None]  # colours, or the leads of an electrocardiogram, are channels


def prepare(image: np.ndarray, path: object, preparation: Preparation) -> np.ndarray:
    """Return an image (H,W) or (H,W,C) as (size,size,channels) float32."""
    try:
        unit = unit_images(image[None], "the image", preparation.channels)[0]
    except CohortError as error:
        raise DicomError(path, str(error)) from None
    if preparation.size is not None:
        unit = resize(unit, preparation.size, preparation.aspect)
    return np.asarray(unit, np.float32).reshape(*unit.shape[:2], -1)
