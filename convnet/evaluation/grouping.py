"""One result from many images: the rule that joins the images of a patient, study or series, and its calibration.

l[i,c] is the log-odds of class c on image i, log p[i,c] / (1 - p[i,c]), with p the image's calibrated probability; the
sums run over a group's images:

    mean-log-odds  P[c] ~ exp(mean_i log p[i,c]), which for two classes has the mean of the images' log-odds
    max            L[c] = max_i l[i,c]
    top-K          L[c] = mean of the K largest l[i,c] (of all, where a group has fewer)

For max and top-K of two classes L is that of the finding alone, P = 1 / (1 + exp(-L)); of more classes P[c] is
1 / (1 + exp(-L[c])), divided by the sum over c. Several findings an image, and the steps between grades, are joined
each by itself, as two classes are; measurements by the same rules without the logarithm. An image whose probabilities
are not finite is left out.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from convnet.evaluation import threshold
from convnet.evaluation.calibration import LEAST, fit_scaling, scale

LEVELS = ("patient", "study", "series")
MEAN = "mean-log-odds"


@dataclass(frozen=True)
class Grouping:
    """How the images of one patient, study or series become one result.

    level      "patient", "study" or "series"
    aggregate  "mean-log-odds", "max" or "top-K", with K a whole number
    finding    the place of the class of which one image is enough, for two classes; it also settles the true class of
               a group whose images differ
    slope, biases  of the groups' calibration (`calibrate`), fitted on validation; None: not calibrated
    fitted     the same for other tasks than classes, as each of them fits it
    groups     how many groups it was fitted on
    points     the groups' operating points on validation (`threshold.curve`)
    """

    level: str
    aggregate: str = MEAN
    finding: int | None = None
    slope: float | None = None
    biases: tuple[float, ...] | None = None
    groups: int = 0
    points: dict[str, list[float]] | None = None
    fitted: Any = None

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"group must be one of none, {', '.join(LEVELS)}, got {self.level!r}")
        largest(self.aggregate)

    @property
    def calibrated(self) -> bool:
        """True if the groups have a calibration of their own."""
        return self.slope is not None or self.fitted is not None

    def like(self, other: Grouping | None) -> bool:
        """Return True if another grouping joins the same images by the same rule, calibration apart."""
        names = ("level", "aggregate", "finding")
        return other is not None and all(getattr(self, n) == getattr(other, n) for n in names)

    def describe_fit(self) -> dict[str, Any] | None:
        """Return what the calibration is and how many groups it was fitted on; None if there is none."""
        if not self.calibrated:
            return None
        if self.fitted is not None:
            return {"fitted": self.fitted, "groups": self.groups}
        return {"slope": self.slope, "biases": list(self.biases or ()), "groups": self.groups}

    def to_plain(self) -> dict[str, Any]:
        """Return it as the JSON values that a model file stores."""
        return {**asdict(self), "biases": None if self.biases is None else list(self.biases)}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Grouping:
        """Return what `to_plain` wrote. Raises ValueError, TypeError or KeyError for anything else."""
        numbers = [*(plain["biases"] or ()), *([] if plain["slope"] is None else [plain["slope"]])]
        if not all(isinstance(v, float | int) and np.isfinite(v) for v in numbers):
            raise ValueError("its calibration is not finite")
        if (plain["slope"] is None) != (plain["biases"] is None) or (plain["slope"] or 1) <= 0:
            raise ValueError("its calibration needs a slope above 0 and biases")
        finding = plain["finding"]
        if finding is not None and (isinstance(finding, bool) or finding not in (0, 1)):
            raise ValueError(f"its finding must be class 0 or 1 of two, got {finding!r}")
        biases = None if plain["biases"] is None else tuple(float(v) for v in plain["biases"])
        points = threshold.check(plain["points"])
        fit = plain["slope"], biases, int(plain["groups"]), points, plain.get("fitted")
        return cls(plain["level"], plain["aggregate"], finding, *fit)


def largest(aggregate: str) -> int | None:
    """Return how many of a group's largest log-odds are averaged; None for the mean of all. Raises ValueError."""
    if aggregate == MEAN:
        return None
    if aggregate == "max":
        return 1
    if re.fullmatch(r"top-[1-9]\d{0,5}", aggregate):
        return int(aggregate[4:])
    raise ValueError(f"aggregate must be one of {MEAN}, max, top-K (such as top-3), got {aggregate!r}")


def aggregate(p: np.ndarray, of: np.ndarray, grouping: Grouping) -> np.ndarray:
    """Return the probabilities (G,C) of groups from those of images, not yet calibrated; NaN for a group without any.

    p   calibrated probabilities of images (N,C); of: each image's group, 0..G-1, (N,)
    """
    k, groups, classes = largest(grouping.aggregate), int(of.max(initial=-1)) + 1, p.shape[1]
    sound = np.isfinite(p).all(axis=1)
    logs = np.log(np.clip(p, LEAST, 1))
    if k is not None:
        logs = logs - np.log(np.clip(1 - p, LEAST, 1))
    out = np.full((groups, classes), np.nan)
    for g in range(groups):
        found = logs[(of == g) & sound]
        if not len(found):
            continue
        if k is None:
            joined = found.mean(axis=0)
            out[g] = np.exp(joined - joined.max())
        elif classes == 2:
            one = 1 if grouping.finding is None else grouping.finding
            odds = np.sort(found[:, one])[-k:].mean()
            out[g, one], out[g, 1 - one] = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(odds))
        else:
            out[g] = 1 / (1 + np.exp(-np.sort(found, axis=0)[-k:].mean(axis=0)))
    return out / out.sum(axis=1, keepdims=True)


def join_columns(z: np.ndarray, of: np.ndarray, grouping: Grouping) -> np.ndarray:
    """Return (G,K) of groups from z (N,K) of images: each column's mean, largest, or mean of the K largest."""
    k, sound = largest(grouping.aggregate), np.isfinite(z).all(axis=1)
    out = np.full((int(of.max(initial=-1)) + 1, z.shape[1]), np.nan)
    for g in range(len(out)):
        found = z[(of == g) & sound]
        if len(found):
            out[g] = (found if k is None else np.sort(found, axis=0)[-k:]).mean(axis=0)
    return out


def join_odds(p: np.ndarray, of: np.ndarray, grouping: Grouping) -> np.ndarray:
    """Return the probabilities (G,K) of groups from p (N,K) of images, whose columns are joined each by itself."""
    logs = np.log(np.clip(p, LEAST, 1)) - np.log(np.clip(1 - p, LEAST, 1))
    return 1 / (1 + np.exp(-join_columns(logs, of, grouping)))


def calibrate(p: np.ndarray, grouping: Grouping) -> np.ndarray:
    """Return the groups' probabilities (G,C) calibrated (`calibration.scale`); as they are without a fit."""
    return p if grouping.slope is None or grouping.biases is None else scale(p, grouping.slope, grouping.biases)


def fit(y: np.ndarray, p: np.ndarray, grouping: Grouping) -> Grouping:
    """Return the grouping with the calibration and operating points of validation groups: labels (G,), p (G,C).

    Where a class has no group there is no calibration (`calibration.fit_scaling`).
    """
    sound = np.isfinite(p).all(axis=1)
    y, p = y[sound], p[sound]
    classes = p.shape[1]
    plain = replace(grouping, slope=None, biases=None, points=None, groups=len(y))
    if len(np.unique(y)) < classes:
        return plain
    slope, biases = fit_scaling(y, p)
    fitted = replace(plain, slope=slope, biases=biases)
    return replace(fitted, points=threshold.curve(y, calibrate(p, fitted)))


def join_labels(y: np.ndarray, of: np.ndarray, grouping: Grouping, classes: tuple[str, ...]) -> np.ndarray:
    """Return the true class (G,) of groups: that of their images or, where they differ, the finding's.

    Raises ValueError if a group's images differ and one image of a finding does not settle it: by the mean of the
    log-odds, or for more than two classes.
    """
    out = np.array([y[of == g][0] for g in range(int(of.max(initial=-1)) + 1)], np.int64)
    mixed = [g for g in range(len(out)) if (y[of == g] != out[g]).any()]
    if mixed and (largest(grouping.aggregate) is None or len(classes) > 2):
        remedy = "for two classes --aggregate max or top-K takes a group as the finding's if one image is"
        raise MixedLabels(grouping, mixed, len(out), remedy)
    out[mixed] = 1 if grouping.finding is None else grouping.finding
    return out


class MixedLabels(ValueError):
    """The error for groups whose images have different labels: their numbers are `mixed`."""

    def __init__(self, grouping: Grouping, mixed: list[int], groups: int, remedy: str) -> None:
        self.mixed = mixed
        super().__init__(
            f"--group {grouping.level}: {len(mixed)} of {groups} groups have images of different classes, so the group "
            f"has no class of its own: {remedy}; or group by something smaller"
        )
