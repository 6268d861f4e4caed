"""What a model was trained on, kept in its file, and whether an image is like that: if not, it abstains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.features import features

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.model import Model

KEPT = 0.99  # of the validation images that lie within the outlier threshold
DIRECTIONS = 16  # principal ones, whose spread is kept one by one


def learn(model: Model, cohort: Cohort) -> dict[str, Any]:
    """The scope of a model trained on this cohort, as plain JSON values.

    modality, body_part  those that the headers of train and val name
    sides                smallest and largest side of those files' images in pixels, None where no header says so
    intensity            smallest and largest mean and standard deviation of the prepared training images
    outlier              statistics of the training images' last features, and the threshold that `KEPT` of the
                         validation images lie below (`distances`)
    """
    used = np.concatenate([cohort.where("train"), cohort.where("val")])
    x, y = cohort.split("train")
    sizes = [cohort.fact("size")[i] for i in used]
    sides = [int(n) for size in sizes for n in size.split("x") if n.isdecimal()]
    moments = np.array([[image.mean(dtype=np.float64), image.std(dtype=np.float64)] for image in x])
    statistics = spread(features(model, x), y)
    scores = distances(statistics, features(model, cohort.split("val")[0]))
    threshold = float(np.quantile(scores, KEPT, method="higher"))
    return {
        "modality": sorted({cohort.fact("modality")[i] for i in used} - {""}),
        "body_part": sorted({cohort.fact("body_part")[i] for i in used} - {""}),
        "sides": [min(sides), max(sides)] if sides else None,
        "intensity": {
            name: [float(moments[:, i].min()), float(moments[:, i].max())] for i, name in enumerate(("mean", "sd"))
        },
        "outlier": {**rounded(statistics), "threshold": threshold, "kept": KEPT, "images": len(scores)},
    }


def spread(f: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Statistics of features (N, D) by class: means (C, D), the principal directions of what deviates from them (r, D)
    with their standard deviations `scale` (r,), and the standard deviation of all other directions, `rest` ().

    Probabilistic principal components, one covariance for all classes (Tipping & Bishop 1999; Lee et al. 2018).
    """
    means = np.stack([f[y == c].mean(axis=0) for c in np.unique(y)])
    deviations = f - means[np.searchsorted(np.unique(y), y)]
    _, singular, rows = np.linalg.svd(deviations, full_matrices=False)
    variance = singular**2 / len(f)
    r = min(DIRECTIONS, len(f) - 1, f.shape[1] - 1)
    others = max(f.shape[1] - r, 1)
    rest = np.sqrt(max(variance[r:].sum() / others, 1e-12 * max(variance.sum(), 1e-12)))
    return {
        "means": means,
        "directions": rows[:r],
        "scale": np.maximum(np.sqrt(variance[:r]), rest),
        "rest": np.array(rest),
    }


def distances(statistics: dict[str, Any], f: np.ndarray) -> np.ndarray:
    """Mahalanobis distance of each image's features (N, D) from the nearest class, per feature: (N,) float64.

        d(f)^2 = min_c [ sum_r (u_r . (f - m_c) / s_r)^2 + |what u does not span of f - m_c|^2 / s_rest^2 ] / D

    1 is usual for a training image.
    """
    means, directions, scale = (np.asarray(statistics[k], np.float64) for k in ("means", "directions", "scale"))
    rest = float(statistics["rest"])
    if f.shape[1] != means.shape[1]:
        raise ValueError(f"scope: the model has {f.shape[1]} features, its file's statistics are of {means.shape[1]}")
    found = []
    for mean in means:
        along = (f - mean) @ directions.T
        left = np.maximum(((f - mean) ** 2).sum(axis=1) - (along**2).sum(axis=1), 0)
        found.append(((along / scale) ** 2).sum(axis=1) + left / rest**2)
    return np.sqrt(np.min(found, axis=0) / f.shape[1])


def rounded(statistics: dict[str, np.ndarray]) -> dict[str, Any]:
    """The statistics with seven digits, as JSON takes them."""
    text = np.vectorize(lambda v: float(f"{v:.7g}"), otypes=[float])
    return {name: text(values).tolist() for name, values in statistics.items()}


def outside(
    scope: Any, facts: dict[str, str], image: np.ndarray, distance: float | None
) -> tuple[list[str], list[str]]:
    """(why an image is outside of what the model was trained on, what could not be checked); both empty if all is well.

    facts     what its header says (`data.facts`); image: prepared, as the network takes it; distance: `distances`
    A side may be half the smallest or twice the largest that was trained on; mean and standard deviation may lie
    beyond the trained ones by half of their range.
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
        room = (high - low) / 2 + 0.01
        if not low - room <= value <= high + room:
            why.append(f"{name} of the grey values is {value:.3f}; trained on {low:.3f} to {high:.3f}")
    if distance is not None and distance > scope["outlier"]["threshold"]:
        limit, share = scope["outlier"]["threshold"], scope["outlier"]["kept"]
        why.append(
            f"its features lie at distance {distance:.2f}; {share:.0%} of validation images lie within {limit:.2f}"
        )
    return why, unchecked


def check(scope: Any) -> None:
    """ValueError unless a scope read from a file is one that `outside` and `distances` can use."""
    if scope is None:
        return
    try:
        lists = [*scope["modality"], *scope["body_part"]]
        numbers = [*scope["intensity"]["mean"], *scope["intensity"]["sd"], *(scope["sides"] or [0, 0])]
        outlier = scope["outlier"]
        arrays = [
            np.asarray(outlier[k], np.float64) for k in ("means", "directions", "scale", "rest", "threshold", "kept")
        ]
        sound = (
            all(isinstance(v, str) for v in lists)
            and len(numbers) == 6
            and [a.ndim for a in arrays] == [2, 2, 1, 0, 0, 0]
            and arrays[0].shape[1] == arrays[1].shape[1] > 0 < len(arrays[0])
            and len(arrays[1]) == len(arrays[2])
            and all(np.isfinite(a).all() for a in (*arrays, np.asarray(numbers, np.float64)))
            and bool((arrays[2] > 0).all() and arrays[3] > 0)
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        sound = False
    if not sound:
        raise ValueError("the model file's record of what it was trained on is damaged")
