"""Decide whether training images may be mirrored left-right, or whether the side carries meaning."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from convnet.data.cohort.build import Cohort

SIDES = re.compile(r"(^|[^a-z])(left|right|l|r|lt|rt|sinister|dexter|links|rechts|gauche|droite?)([^a-z]|$)", re.I)
MOST = 2000  # images that are compared, evenly from all


def decide(flip: str, cohort: Cohort) -> tuple[bool, str]:
    """Return (whether to mirror, why).

    flip  "on", "off", or "auto": not if a class's name is a side, if all headers state one side (its mirror image
          never occurs), or if mirrored images resemble other classes (`costs`)
    """
    if flip != "auto":
        return flip == "on", "asked for" if flip == "on" else "not asked for"
    if sided := [c for c in cohort.classes if SIDES.search(c)]:
        return False, f"class {sided[0]!r} names a side"
    stated = {side for side in cohort.fact("laterality") if side in ("L", "R")}
    if len(stated) == 1 and all(cohort.fact("laterality")):
        return False, f"all images are of the same side ({stated.pop()})"
    at = cohort.where("train")
    at = at[np.unique(np.linspace(0, len(at) - 1, MOST).astype(int))] if len(at) > MOST else at
    worst, straight, mirrored = costs(cohort.x[at], cohort.strata()[at], cohort.groups()[at])
    if worst is None:
        return True, "mirrored images resemble the images of their own class"
    like = "resemble an image of their class most"
    if cohort.task in ("classes", "ordinal"):
        return False, f"of class {cohort.classes[worst]!r}, {straight:.0%} {like}, mirrored {mirrored:.0%}"
    alike = "findings" if cohort.task == "multilabel" else "values"
    return False, f"{straight:.0%} of images of similar {alike} resemble each other most, mirrored {mirrored:.0%}"


def costs(x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> tuple[int | None, float, float]:
    """Return (the class that loses most by mirroring, two shares of its images).

    The shares are those whose nearest image of another patient is of the same class, straight and mirrored. The class
    is None unless it loses 0.25 or more, and more than chance explains (exact McNemar test, p < 0.01).

    A left and a right kidney are each other's mirror images: mirroring would teach that they are one class.
    Images (N,H,W,C) are compared by Euclidean distance at 16x16 or so pixels.
    """
    from scipy.spatial.distance import cdist
    from scipy.stats import binomtest

    x = x.mean(axis=3, dtype=np.float64)
    step = max(1, min(x.shape[1:]) // 16)
    h, w = (side // step * step for side in x.shape[1:])
    small = x[:, :h, :w].reshape(len(x), h // step, step, w // step, step).mean(axis=(2, 4))
    same = groups[:, None] == groups[None, :]
    right = []
    for other in (small, small[:, :, ::-1]):
        distances = cdist(small.reshape(len(x), -1), other.reshape(len(x), -1))
        right.append(y[np.where(same, np.inf, distances).argmin(axis=1)] == y)
    shares = [(float(right[0][y == c].mean()), float(right[1][y == c].mean()), int(c)) for c in np.unique(y)]
    straight, mirrored, worst = max(shares, key=lambda s: s[0] - s[1])
    lost = int(np.sum(right[0] & ~right[1] & (y == worst)))
    won = int(np.sum(~right[0] & right[1] & (y == worst)))
    p = binomtest(lost, lost + won, alternative="greater").pvalue if lost + won else 1.0
    return (worst if p < 0.01 and straight - mirrored >= 0.25 else None), straight, mirrored
