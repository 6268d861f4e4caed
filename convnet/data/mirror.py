"""May a training image be mirrored left-right, or does the side carry meaning?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from convnet.data.build import Cohort

SIDES = re.compile(r"(^|[^a-z])(left|right|l|r|lt|rt|sinister|dexter|links|rechts|gauche|droite?)([^a-z]|$)", re.I)
MOST = 2000  # images that the comparison of neighbours looks at


def decide(flip: str, cohort: Cohort) -> tuple[bool, str]:
    """(mirror or not, why). flip: "on", "off", or "auto": not where a class's name is a side, where all headers state
    one side (its mirror image never comes), or where mirrored neighbours are of other classes (`costs`).
    """
    if flip != "auto":
        return flip == "on", "asked for" if flip == "on" else "not asked for"
    if sided := [c for c in cohort.classes if SIDES.search(c)]:
        return False, f"class {sided[0]!r} names a side"
    stated = {side for side in cohort.fact("laterality") if side in ("L", "R")}
    if len(stated) == 1 and all(cohort.fact("laterality")):
        return False, f"all images are of the same side ({stated.pop()})"
    straight, mirrored, significant = costs(*cohort.split("train"))
    shares = f"nearest images of the same class: {straight:.0%}, nearest mirrored images: {mirrored:.0%}"
    return not significant, shares


def costs(x: np.ndarray, y: np.ndarray) -> tuple[float, float, bool]:
    """How often the nearest other image is of the same class, how often the nearest other mirrored one is, and whether
    the second is smaller by 0.05 or more and by more than chance (exact McNemar test, p < 0.01).

    A left and a right kidney are each other's mirror images: mirroring would teach that they are one class.
    Images (N,H,W,C) are compared by Euclidean distance at 16x16 or fewer pixels, the first 2000 of them.
    """
    from scipy.spatial.distance import cdist
    from scipy.stats import binomtest

    x, y = x[:MOST].mean(axis=3, dtype=np.float64), y[:MOST]
    step = max(1, min(x.shape[1:]) // 16)
    h, w = (side // step * step for side in x.shape[1:])
    small = x[:, :h, :w].reshape(len(x), h // step, step, w // step, step).mean(axis=(2, 4))
    right = []
    for other in (small, small[:, :, ::-1]):
        distances = cdist(small.reshape(len(x), -1), other.reshape(len(x), -1))
        np.fill_diagonal(distances, np.inf)
        right.append(y[distances.argmin(axis=1)] == y)
    lost, won = int(np.sum(right[0] & ~right[1])), int(np.sum(~right[0] & right[1]))
    p = binomtest(lost, lost + won, alternative="greater").pvalue if lost + won else 1.0
    straight, mirrored = (float(np.mean(r)) for r in right)
    return straight, mirrored, bool(p < 0.01 and straight - mirrored >= 0.05)
