"""A result for each image: probabilities, or why the model abstains; and what could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.dicom.examine import examine
from convnet.data.dicom.geometry import Geometry
from convnet.data.dicom.orientation import Turn
from convnet.data.errors import DicomError
from convnet.data.limits import Limits
from convnet.data.pseudonyms import shown
from convnet.data.reading.readers import Readers
from convnet.notice import NOTICE
from convnet.study import outlier, training_domain
from convnet.study.features import features
from convnet.study.study import calibrated, classes_of, pipeline_of, probabilities

if TYPE_CHECKING:
    from convnet.model import Model


@dataclass(frozen=True, eq=False)
class Case:
    """One frame: its result (`diagnose`), and what was asked for to draw or file it.

    image (H,W,C) as the network takes it; grey (rows,columns) uint8 and geometry with `pictures`; reference: DICOM
    JSON of its patient and study with `filed`, else "".
    """

    result: dict[str, Any]
    image: np.ndarray
    grey: np.ndarray | None
    geometry: Geometry | None
    reference: str


def cases(
    model: Model, paths: list[Path], limits: Limits | None = None, *, pictures: bool = False, filed: bool = False
) -> Iterator[Case | DicomError]:
    """Each frame of each file through the model's own pixel pipeline and the model; a file's error in its place.

    ValueError for a model file that lacks its classes, its pipeline, or whose record of its training is damaged.
    """
    classes_of(model)
    pipeline = pipeline_of(model)
    training_domain.check(model.metadata.get("scope"))
    options = pipeline["size"], pipeline["aspect"], pipeline["window"], pictures, filed, pipeline["channels"]
    with Readers(limits) as readers:
        for path, read in readers.map(lambda path: list(readers.read(examine, path, *options)), paths):
            if isinstance(read, DicomError):
                yield read
                continue
            about, *frames = read
            x = batch([image for image, _, _ in frames])
            for frame, (result, (_, grey, found)) in enumerate(
                zip(judge(model, x, about["facts"]), frames, strict=True)
            ):
                where = {"path": shown(path), "frame": frame, "input": about["sha256"]}
                geometry = None if found is None else sent(found)
                yield Case({**where, **result}, x[frame], grey, geometry, about["reference"])


def sent(fields: list[Any]) -> Geometry:
    """A geometry as a worker sends it."""
    rows, columns, turned, scaled, size = fields
    return Geometry(rows, columns, Turn(*turned), (scaled[0], scaled[1]), size)


def judge(model: Model, x: np.ndarray, facts: dict[str, str]) -> Iterator[dict[str, Any]]:
    """For each image of one file, what the model says, or why it says nothing.

    label          the most probable class, None where the model abstains
    probabilities  by class, None where it abstains; calibrated: whether the model file records a temperature
    abstains       why: the image is outside of what the model was trained on
    unchecked      what could not be compared with the training, for want of a statement in the header
    outlier        how unlike training its features are (`outlier.score`), and the threshold
    """
    classes, recorded = classes_of(model), model.metadata.get("scope")
    shape = tuple(model.input_shape or ())
    if x.shape[1:] != shape:
        kind = "an electrocardiogram" if x.shape[1] == 1 and shape[0] != 1 else f"of shape {x.shape[1:]}"
        why = [f"the image is {kind}; the model takes {shape}"]
        for _ in x:
            yield answer(classes, None, why, [], None, None)
        return
    found = None if recorded is None else outlier.score(recorded["outlier"], features(model, x))
    for n, p in enumerate(calibrated(model, probabilities(model, x))):
        score = None if found is None else float(found[n])
        why, unchecked = training_domain.outside(recorded, facts, x[n], score)
        limit = None if recorded is None else recorded["outlier"]["threshold"]
        yield answer(classes, None if why else p, why, unchecked, score, limit)


def answer(
    classes: tuple[str, ...],
    p: np.ndarray | None,
    why: list[str],
    unchecked: list[str],
    score: float | None,
    limit: float | None,
) -> dict[str, Any]:
    """A result as plain JSON values."""
    return {
        "label": None if p is None else classes[int(p.argmax())],
        "probabilities": None if p is None else {c: float(v) for c, v in zip(classes, p, strict=True)},
        "abstains": why,
        "unchecked": unchecked,
        "outlier": None if score is None else {"score": score, "threshold": limit},
    }


def diagnose(model: Model, paths: list[Path], limits: Limits | None = None) -> dict[str, Any]:
    """`images`: the result of every frame (`Case.result`); `failed`: path and reason; `notice`."""
    return collect(cases(model, paths, limits), model)


def collect(found: Iterator[Case | DicomError] | list[Case | DicomError], model: Model) -> dict[str, Any]:
    """The results as one JSON object."""
    images, failed = [], []
    for case in found:
        if isinstance(case, DicomError):
            failed.append({"path": case.path, "reason": str(case)})
        else:
            images.append(case.result)
    return {"images": images, "failed": failed, "calibrated": "temperature" in model.metadata, "notice": NOTICE}


def batch(images: list[np.ndarray]) -> np.ndarray:
    """Images (H,W), (H,W,3) or (1,T,leads), as the network takes them: (N,H,W,1), (N,H,W,3) or (N,1,T,leads)."""
    x = np.stack(images)
    return x[..., None] if x.ndim == 3 else x


def lines(result: dict[str, Any]) -> list[str]:
    """The result as text, a line an image; the frame is named where a file has several."""
    paths = [r["path"] for r in result["images"]]
    out = []
    for r in result["images"]:
        where = f"{r['path']}, frame {r['frame']}" if paths.count(r["path"]) > 1 else r["path"]
        if r["label"] is None:
            out.append(f"{where}: the model abstains: {'; '.join(r['abstains'])}")
            continue
        shares = ", ".join(f"{c} {v:.3f}" for c, v in r["probabilities"].items())
        unchecked = f"; not checked: {', '.join(r['unchecked'])}" if r["unchecked"] else ""
        out.append(f"{where}: {r['label']} ({shares}{unchecked})")
    if result["images"] and not result["calibrated"]:
        out.append("The probabilities are the network's own, not calibrated: the model file records no temperature.")
    return out
