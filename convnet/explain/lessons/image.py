"""The image of a lesson from a file: DICOM, a picture, a NumPy array, or one of a MedMNIST file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.errors import CohortError

if TYPE_CHECKING:
    from convnet.model import Model

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
PICK = re.compile(r"(train|val|test)\[(\d+)\]")


def read(model: Model, path: Path, pick: str | None = None, frame: int = 0) -> tuple[np.ndarray, str | None]:
    """(image (H,W,C) as the model was trained on, its label if the file has one).

    DICOM files and pictures go through the model's own pixel pipeline where it was saved with one.
    ValueError or OSError in one line for a file that is missing, damaged, or does not fit.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: {'is a folder: give a file' if path.is_dir() else 'no such image'}")
    kind = path.suffix.lower()
    if pick is not None and kind != ".npz":
        raise ValueError(f"--pick goes with an .npz file of many images; {path} is one image")
    if kind == ".npz":
        return _of_npz(model, path, pick)
    if kind == ".npy":
        return _array(path), None
    pipeline = _pipeline(model)
    return (_picture(path, pipeline) if kind in PICTURES else _dicom(path, pipeline, frame)), None


def _pipeline(model: Model) -> dict[str, Any]:
    """The model's own, or none: the image's own size."""
    from convnet.study.study import pipeline_of

    try:
        return pipeline_of(model)
    except ValueError:
        shape = model.training_graph().input.sample_shape
        return {"size": None, "aspect": "pad", "window": None, "channels": 3 if shape[-1:] == (3,) else 1}


def _of_npz(model: Model, path: Path, pick: str | None) -> tuple[np.ndarray, str]:
    from convnet.data.cohort.npz import read_arrays

    found = PICK.fullmatch(pick or "test[0]")
    if found is None:
        raise ValueError(f"--pick {pick!r}: expected one image as train[N], val[N] or test[N]")
    split, number = found[1], int(found[2])
    images, labels = read_arrays(path)[split]
    if number >= len(images):
        raise CohortError(f"{path}: {split}[{number}] does not exist: there are {len(images)}, counted from 0")
    return _fitted(images[number : number + 1], f"{path}: {split}_images", _pipeline(model)), str(labels[number])


def _fitted(images: np.ndarray, name: str, pipeline: dict[str, Any]) -> np.ndarray:
    """One image (1,H,W) or (1,H,W,C) as the pipeline makes it: (size,size,channels) float32."""
    from convnet.data.cohort.build import unit_images
    from convnet.data.dicom.resize import resize

    image = unit_images(images, name, pipeline["channels"])[0]
    if pipeline["size"] is not None:
        image = resize(image, pipeline["size"], pipeline["aspect"])
    return np.asarray(image, np.float32).reshape(*image.shape[:2], -1)


def _array(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path}: not a NumPy array of numbers, or damaged: {error}") from None


def _picture(path: Path, pipeline: dict[str, Any]) -> np.ndarray:
    """A PNG, JPEG or the like: values / 255, or / 65535 of a 16-bit grey picture; grey unless the model takes three."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            if picture.mode.startswith("I"):
                values = np.clip(np.asarray(picture, np.float64) / 65535, 0, 1)
            else:
                values = np.asarray(picture.convert("L" if picture.mode in ("L", "1", "LA") else "RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"{path}: not a picture, or damaged: {error}") from None
    return _fitted(values[None], str(path), pipeline)


def _dicom(path: Path, pipeline: dict[str, Any], frame: int) -> np.ndarray:
    from convnet.data import dicom

    frames = dicom.read_images(path, **pipeline)
    if frame >= len(frames):
        raise dicom.DicomError(path, f"frame {frame} does not exist: the file has {len(frames)}, counted from 0")
    one = frames[frame]
    return one if one.ndim == 3 else one[..., None]  # colours, or the leads of an electrocardiogram, are channels
