"""A result for each image: probabilities, and what could not be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data import dicom
from convnet.evaluation import NOTICE
from convnet.study import classes_of, pipeline_of, probabilities

if TYPE_CHECKING:
    from convnet.model import Model


def diagnose(model: Model, paths: list[Path]) -> dict[str, Any]:
    """Each frame of each DICOM file through the model's own pixel pipeline and the model.

    `images`: path, frame, label (the most probable class), probabilities by class. `failed`: path and reason.
    """
    classes, pipeline = classes_of(model), pipeline_of(model)
    images: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for path in paths:
        try:
            frames = np.stack(dicom.read_images(path, **pipeline))[..., None]
        except dicom.DicomError as error:
            failed.append({"path": str(path), "reason": str(error)})
            continue
        for frame, p in enumerate(probabilities(model, frames)):
            by_class = {c: float(v) for c, v in zip(classes, p, strict=True)}
            images.append(
                {"path": str(path), "frame": frame, "label": classes[int(p.argmax())], "probabilities": by_class}
            )
    return {"images": images, "failed": failed, "notice": NOTICE}
