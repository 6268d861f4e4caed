"""What a model was trained on, kept in its file. For an image outside this domain, the model abstains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.study import outlier
from convnet.study.features import project_features

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.study.features import Features

ROOM = 0.1  # how far beyond the trained range of grey values, as a share of it


def learn(cohort: Cohort, train: Features, val: Features) -> dict[str, Any]:
    """Return the training domain of a model trained on this cohort, as plain JSON values.

    `train` and `val` are the model's features of these splits before projection (`features.extract`).

    modality, body_part  those that the headers of train and val name
    sides                smallest and largest side of those files' images in pixels, None where no header says so
    intensity            smallest and largest mean and standard deviation of the prepared training images
    outlier              statistics of the training images' features, and a threshold (`outlier.learn`)
    """
    used = np.concatenate([cohort.where("train"), cohort.where("val")])
    (x, _), strata = cohort.split("train"), cohort.strata()[cohort.where("train")]
    sizes = [cohort.fact("size")[i] for i in used]
    sides = [int(n) for size in sizes for n in size.split("x") if n.isdecimal()]
    moments = np.array([[image.mean(dtype=np.float64), image.std(dtype=np.float64)] for image in x])
    return {
        "modality": sorted({cohort.fact("modality")[i] for i in used} - {""}),
        "body_part": sorted({cohort.fact("body_part")[i] for i in used} - {""}),
        "sides": [min(sides), max(sides)] if sides else None,
        "intensity": {
            name: [float(moments[:, i].min()), float(moments[:, i].max())] for i, name in enumerate(("mean", "sd"))
        },
        "outlier": outlier.learn(project_features(train), strata, project_features(val)),
    }


def outside(scope: Any, facts: dict[str, str], image: np.ndarray, score: float | None) -> tuple[list[str], list[str]]:
    """Return (why an image is outside the training domain, what could not be checked); both are empty if all is well.

    facts     what its header says (`data.facts`); image: prepared, as the network takes it; score: `outlier.score`
    A side may be half the smallest or twice the largest that was trained on; mean and standard deviation of the grey
    values may lie beyond the trained ones by a tenth of their range.
    """
    if not isinstance(scope, dict):
        return [], ["the model file does not record what it was trained on"]
    why, unchecked = [], []
    for name in ("modality", "body_part"):
        known, found = scope[name], facts.get(name, "")
        label = name.replace("_", " ")
        if not known or not found:
            unchecked.append(f"{label} ({'the image' if known else 'training'} states none)")
        elif found not in known:
            why.append(f"{label} is {found[:16]!r}; trained on {', '.join(known)}")
    sides = [int(n) for n in facts.get("size", "").split("x") if n.isdecimal()]
    if not scope["sides"] or not sides:
        unchecked.append(f"size ({'the image' if scope['sides'] else 'training'} states none)")
    elif min(sides) < scope["sides"][0] / 2 or max(sides) > scope["sides"][1] * 2:
        low, high = scope["sides"]
        why.append(f"size is {facts['size']}; trained on sides of {low} to {high} pixels")
    for name, value in (("mean", image.mean(dtype=np.float64)), ("sd", image.std(dtype=np.float64))):
        low, high = scope["intensity"][name]
        room = ROOM * (high - low) + 0.01
        if not low - room <= value <= high + room:
            why.append(f"{name} of the grey values is {value:.3f}; trained on {low:.3f} to {high:.3f}")
    if score is not None and score > scope["outlier"]["threshold"]:
        limit, share = scope["outlier"]["threshold"], scope["outlier"]["kept"]
        why.append(
            f"its features are unlike training: score {score:.2f}; {share:.0%} of validation is within {limit:.2f}"
        )
    return why, unchecked


def check(scope: Any) -> None:
    """Raise ValueError unless `outside` and `distances` can use a training domain that was read from a file."""
    if scope is None:
        return
    try:
        lists = [*scope["modality"], *scope["body_part"]]
        numbers = [*scope["intensity"]["mean"], *scope["intensity"]["sd"], *(scope["sides"] or [0, 0])]
        outlier.check(scope["outlier"])
        sound = all(isinstance(v, str) for v in lists) and len(numbers) == 6 and bool(np.isfinite(numbers).all())
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        sound = False
    if not sound:
        raise ValueError("the model file's record of what it was trained on is damaged")
