"""The image of a lesson, read from a file in a worker and prepared as the model was trained on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from convnet.data.preparation import Preparation

if TYPE_CHECKING:
    import numpy as np

    from convnet.data.limits import Limits
    from convnet.model import Model


def read(
    model: Model, path: Path, pick: str | None = None, frame: int | None = None, limits: Limits | None = None
) -> tuple[np.ndarray, str | None]:
    """Read (the image (H,W,C) as the model was trained on it, its label if the file has one).

    path    a DICOM file, a picture, a volume, a .npy array (taken as it is) or a MedMNIST .npz file
    pick    which image of an .npz file, such as "test[0]"
    frame   of a DICOM file, slice of a volume; None: the first, of a volume the middle one
    limits  what the file may cost

    Raises ValueError or OSError in one line for a file that is missing, damaged, beyond the limits, or does not fit.
    """
    from convnet.data.reading.image_file import read_image
    from convnet.data.reading.readers import Readers

    if not path.exists():
        raise FileNotFoundError(f"{path}: no such image")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a folder: give a file")
    if pick is not None and path.suffix.lower() != ".npz":
        raise ValueError(f"--pick goes with an .npz file of many images; {path} is one image")
    with Readers(limits, workers=1) as readers:
        ((image, label),) = readers.read(read_image, path, choose_preparation(model).to_plain(), pick, frame)
    return image, label


def choose_preparation(model: Model) -> Preparation:
    """Return the model's own preparation; without one, the image's own size and the channels of the model's input."""
    from convnet.study.metadata import read_preparation

    try:
        return read_preparation(model)
    except ValueError:
        shape = model.training_graph().input.sample_shape
        return Preparation(size=None, channels=3 if shape[-1:] == (3,) else 1)
