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


def lines(result: dict[str, Any]) -> list[str]:
    """The result as text, a line an image; the frame is named where a file has several."""
    paths = [r["path"] for r in result["images"]]
    out = []
    for r in result["images"]:
        where = f"{r['path']}, frame {r['frame']}" if paths.count(r["path"]) > 1 else r["path"]
        shares = ", ".join(f"{c} {v:.3f}" for c, v in r["probabilities"].items())
        out.append(f"{where}: {r['label']} ({shares})")
    return out
