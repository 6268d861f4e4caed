"""The operating point: a threshold that is chosen on validation, stored in the model file, and used on test."""

from __future__ import annotations

from typing import Any

import numpy as np

MOST = 500  # points of a curve that a model file keeps


def curve(y: np.ndarray, p: np.ndarray) -> dict[str, list[float]] | None:
    """Return the ROC curve of class 1 on validation: an image is called class 1 if its probability reaches a threshold.

    None for more than two classes, or if one is missing. The first point calls nothing class 1.
    """
    from sklearn.metrics import roc_curve

    if p.shape[1] != 2 or len(np.unique(y)) < 2:
        return None
    false, true, thresholds = roc_curve(y == 1, p[:, 1], drop_intermediate=False)
    thresholds[0] = 1.1  # scikit-learn says inf, which JSON has not
    at = np.unique(np.linspace(0, len(true) - 1, MOST).astype(int))
    return {
        "threshold": [float(t) for t in thresholds[at]],
        "sensitivity": [float(s) for s in true[at]],
        "specificity": [float(1 - f) for f in false[at]],
    }


def choose(points: dict[str, list[float]], one: int, least: float | None = None) -> tuple[float, str]:
    """Return (threshold for the probability of class 1, the rule in words) for the positive class `one`.

    The largest sensitivity + specificity (Youden, Cancer 3:32, 1950); with `least`, the largest specificity among the
    points whose sensitivity for `one` is that or more.
    """
    thresholds = np.array(points["threshold"])
    first, second = np.array(points["sensitivity"]), np.array(points["specificity"])
    sensitivity, specificity = (first, second) if one == 1 else (second, first)
    if least is None:
        return float(thresholds[np.argmax(sensitivity + specificity)]), "largest sensitivity + specificity"
    allowed = np.flatnonzero(sensitivity >= least)
    if not len(allowed):
        raise ValueError(f"--sensitivity {least}: no threshold reached it on validation")
    best = allowed[np.argmax(specificity[allowed])]
    return float(thresholds[best]), f"sensitivity of {least:g} or more"


def called(p: np.ndarray, one: int, threshold: float) -> np.ndarray:
    """Return which images are called the positive class `one`: class 1 from the threshold on, class 0 below it."""
    return p[:, 1] >= threshold if one == 1 else p[:, 1] < threshold


def check(found: Any) -> dict[str, list[float]] | None:
    """Return the curve that a model file records, None if there is none. Raises ValueError if it cannot be used."""
    if found is None:
        return None
    try:
        lists = [np.asarray(found[n], float) for n in ("threshold", "sensitivity", "specificity")]
        sound = len({v.shape for v in lists}) == 1 and lists[0].ndim == 1 and 0 < len(lists[0]) <= 2 * MOST
        sound = sound and all(np.isfinite(v).all() for v in lists)
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        raise ValueError("the model file's operating points are damaged")
    return dict(found)
