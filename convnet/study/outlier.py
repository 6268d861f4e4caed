"""How unlike the training images is an image? The Mahalanobis distance of its features from the nearest class."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

KEPT = 0.99  # of the validation images lie within the threshold


def learn(train: dict[str, np.ndarray], y: np.ndarray, val: dict[str, np.ndarray]) -> dict[str, Any]:
    """Statistics of training features (N, D) by kind, and a threshold from the validation images', as JSON values.

    For each kind: the means of the classes, and a matrix W with W^T W the inverse of the covariance within classes,
    shrunk by Ledoit and Wolf's rule so that few images are enough; `usual`, the median distance on validation.
    The score of an image is the largest of its distances, each divided by its usual one; the threshold is what 99 % of
    the validation images' scores do not exceed.
    """
    kinds = {name: spread(f, y) for name, f in train.items()}
    for name, kind in kinds.items():
        kind["usual"] = float(np.median(distances(kind, val[name])))
    scores = score({"kinds": kinds}, val)
    return {
        "kinds": kinds,
        "threshold": float(np.quantile(scores, KEPT, method="higher")),
        "kept": KEPT,
        "images": len(scores),
    }


def spread(f: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Means (C, D) of the classes, and W (D, D), lower triangular, as text: 32-bit floats in base64, row by row."""
    from sklearn.covariance import LedoitWolf

    classes, of = np.unique(y, return_inverse=True)
    means = np.stack([f[of == c].mean(axis=0) for c in range(len(classes))])
    deviations = f - means[of]
    sd = deviations.std(axis=0)
    sd = np.maximum(sd, 1e-3 * sd.max() + 1e-12)  # a channel that never answered in training
    covariance = LedoitWolf(assume_centered=True).fit(deviations / sd).covariance_
    covariance[np.diag_indices_from(covariance)] += 1e-6
    whitening = np.linalg.inv(np.linalg.cholesky(covariance)) / sd
    text = base64.b64encode(whitening[np.tril_indices(len(sd))].astype("<f4").tobytes()).decode()
    return {"means": [[float(f"{v:.7g}") for v in row] for row in means], "whitening": text}


def matrix(kind: dict[str, Any]) -> np.ndarray:
    """W (D, D) of its text."""
    D = len(kind["means"][0])
    out = np.zeros((D, D))
    out[np.tril_indices(D)] = np.frombuffer(base64.b64decode(kind["whitening"], validate=True), "<f4")
    return out


def distances(kind: dict[str, Any], f: np.ndarray) -> np.ndarray:
    """min over classes c of |W (f - m_c)| / sqrt(D), for each row of f (N, D): (N,) float64. About 1 in training."""
    means, W = np.asarray(kind["means"], np.float64), matrix(kind)
    if f.shape[1] != means.shape[1]:
        raise ValueError(f"outlier: the model has {f.shape[1]} features, its file's statistics are of {means.shape[1]}")
    found = [np.linalg.norm((f - mean) @ W.T, axis=1) for mean in means]
    return np.min(found, axis=0) / np.sqrt(f.shape[1])


def score(recorded: dict[str, Any], f: dict[str, np.ndarray]) -> np.ndarray:
    """The largest distance of each image in units of the usual one, (N,) float64."""
    return np.max([distances(kind, f[name]) / kind["usual"] for name, kind in recorded["kinds"].items()], axis=0)


def check(recorded: Any) -> None:
    """ValueError, KeyError or TypeError unless statistics read from a file are ones that `score` can use."""
    limits = [float(recorded[name]) for name in ("threshold", "kept")]
    if set(recorded["kinds"]) != {"textures", "last"} or not np.isfinite(limits).all():
        raise ValueError("outlier statistics are of other kinds")
    for kind in recorded["kinds"].values():
        means, usual = np.asarray(kind["means"], np.float64), float(kind["usual"])
        if means.ndim != 2 or not means.size or not np.isfinite(means).all() or not 0 < usual < float("inf"):
            raise ValueError("outlier means are damaged")
        if not np.isfinite(matrix(kind)).all():
            raise ValueError("the outlier matrix is damaged")
