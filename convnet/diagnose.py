"""A result for each image: probabilities, and what could not be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data import tasks
from convnet.data.errors import DicomError
from convnet.data.limits import Limits
from convnet.data.readers import Readers
from convnet.evaluation import NOTICE
from convnet.study import classes_of, pipeline_of, probabilities

if TYPE_CHECKING:
    from convnet.model import Model


def diagnose(model: Model, paths: list[Path], limits: Limits | None = None) -> dict[str, Any]:
    """Each frame of each DICOM file through the model's own pixel pipeline and the model.

    `images`: path, frame, label (the most probable class), probabilities by class. `failed`: path and reason.
    """
    classes, pipeline = classes_of(model), pipeline_of(model)
    images: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    prepared = pipeline["size"], pipeline["aspect"], pipeline["window"]
    with Readers(limits) as readers:
        for path, read in readers.map(lambda path: list(readers.read(tasks.images, path, *prepared)), paths):
            if isinstance(read, DicomError):
                failed.append({"path": str(path), "reason": str(read)})
                continue
            for frame, p in enumerate(probabilities(model, batch(read))):
                by_class = {c: float(v) for c, v in zip(classes, p, strict=True)}
                images.append(
                    {"path": str(path), "frame": frame, "label": classes[int(p.argmax())], "probabilities": by_class}
                )
    return {"images": images, "failed": failed, "notice": NOTICE}


def batch(images: list[np.ndarray]) -> np.ndarray:
    """Images (H,W), or (1,T,leads), as the network takes them: (N,H,W,1), or (N,1,T,leads)."""
    x = np.stack(images)
    return x[..., None] if x.ndim == 3 else x


def lines(result: dict[str, Any]) -> list[str]:
    """The result as text, a line an image; the frame is named where a file has several."""
    paths = [r["path"] for r in result["images"]]
    out = []
    for r in result["images"]:
        where = f"{r['path']}, frame {r['frame']}" if paths.count(r["path"]) > 1 else r["path"]
        shares = ", ".join(f"{c} {v:.3f}" for c, v in r["probabilities"].items())
        out.append(f"{where}: {r['label']} ({shares})")
    return out
