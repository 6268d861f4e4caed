"""Figures as functions of the images' weights, so that one formula gives the figure and its bootstrap interval.

An interval is Efron's percentile interval over resamples of patients (all images of a patient together, as they are not
independent): a resample draws as many patients as there are, with replacement, and an image's weight is how often its
patient was drawn. Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; for clusters Field &
Welsh, J. R. Stat. Soc. B 69:369, 2007.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Figure = Callable[[np.ndarray], np.ndarray]  # weights (B,N) -> (B,), NaN where it is not defined

RESAMPLES = 2000
LEVEL = 0.95
AT_ONCE = 4_000_000  # weights in memory


class Share:
    """The weighted share of `of` (all images if None) where `hits` is true: accuracy, sensitivity, PPV, ..."""

    def __init__(self, hits: np.ndarray, of: np.ndarray | None = None) -> None:
        self.of = np.ones(len(hits), bool) if of is None else of
        self.hits = hits & self.of

    def __call__(self, w: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return (w @ self.hits) / (w @ self.of)


def mean(values: np.ndarray) -> Figure:
    """The weighted mean of a number of each image."""
    return lambda w: (w @ values) / w.sum(axis=1)


def roc_area(truth: np.ndarray, scores: np.ndarray) -> Figure:
    """The share of pairs (one yes, one no) whose yes has the larger score; ties count a half."""
    order, ends = by_score(scores)
    truth = truth[order]

    def figure(w: np.ndarray) -> np.ndarray:
        yes, no = steps(w[:, order], truth, ends)
        before = np.cumsum(yes, axis=1) - yes  # with a larger score
        with np.errstate(invalid="ignore"):
            return np.sum((before + yes / 2) * no, axis=1) / (yes.sum(axis=1) * no.sum(axis=1))

    return figure


def pr_area(truth: np.ndarray, scores: np.ndarray) -> Figure:
    """Average precision: sum over thresholds of (recall - recall before) * precision (as in scikit-learn)."""
    order, ends = by_score(scores)
    truth = truth[order]

    def figure(w: np.ndarray) -> np.ndarray:
        yes, no = steps(w[:, order], truth, ends)
        found, called = np.cumsum(yes, axis=1), np.cumsum(yes + no, axis=1)
        with np.errstate(invalid="ignore"):
            precision = np.where(called > 0, found / np.where(called > 0, called, 1), 0)
            return np.sum(yes * precision, axis=1) / found[:, -1]

    return figure


def by_score(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(the order of falling scores, where each run of equal scores begins in it)."""
    order = np.argsort(-scores, kind="stable")
    return order, np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])


def steps(w: np.ndarray, truth: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weight of yes and of no at each distinct score, (B, distinct) each."""
    return np.add.reduceat(w * truth, starts, axis=1), np.add.reduceat(w * ~truth, starts, axis=1)


def figures(y: np.ndarray, p: np.ndarray) -> dict[str, Figure]:
    """accuracy, auc and pr_auc of labels (N,) and probabilities (N,C): for two classes of class 1 (auc is the same for
    either), for more the mean over classes of one against the rest.
    """
    classes = range(1, 2) if p.shape[1] == 2 else range(p.shape[1])
    areas = [(roc_area(y == c, p[:, c]), pr_area(y == c, p[:, c])) for c in classes]
    return {
        "accuracy": Share(p.argmax(axis=1) == y),
        "auc": lambda w: np.mean([roc(w) for roc, _ in areas], axis=0),
        "pr_auc": lambda w: np.mean([pr(w) for _, pr in areas], axis=0),
    }


def resamples(groups: np.ndarray, seed: int) -> Any:
    """Weights (B,N) of 2000 resamples of patients, a few at a time."""
    rng = np.random.Generator(np.random.Philox(seed))
    names, of = np.unique(groups, return_inverse=True)
    n, left = len(names), RESAMPLES
    while left:
        b = min(left, max(1, AT_ONCE // len(groups)))
        yield rng.multinomial(n, np.full(n, 1 / n), size=b)[:, of].astype(float)
        left -= b


def intervals(figures: dict[str, Figure], groups: np.ndarray, seed: int = 0) -> dict[str, dict[str, float | None]]:
    """{name: {value, low, high}}: each figure and its 95 % interval by patient; None for what is not defined.

    All figures are computed on the same resamples. There is no interval where more than one in twenty lacks the figure
    (a class, or a predicted class, is missing from it), nor where all give one value, for three right of three is no
    certainty: a share of 0 or 1 has Clopper and Pearson's exact interval instead, with patients for its trials.
    """
    one = np.ones((1, len(groups)))
    values = {name: float(figure(one)[0]) for name, figure in figures.items()}
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in figures}
    for w in resamples(groups, seed):
        for name, figure in figures.items():
            drawn[name].append(figure(w))
    found = {name: interval(values[name], np.concatenate(drawn[name])) for name in figures}
    for name, figure in figures.items():
        if isinstance(figure, Share) and values[name] in (0.0, 1.0):
            found[name] = exact(values[name], len(np.unique(groups[figure.of])))
    return found


def exact(value: float, n: int) -> dict[str, float | None]:
    """The interval of none or all of n (Clopper & Pearson, Biometrika 26:404, 1934): 1 - a^(1/n), a = 0.025."""
    edge = ((1 - LEVEL) / 2) ** (1 / n)
    low, high = (edge, 1.0) if value else (0.0, 1 - edge)
    return {"value": value, "low": low, "high": high}


def interval(value: float, found: np.ndarray) -> dict[str, float | None]:
    """The percentile interval, where there is one."""
    if np.isnan(value):
        return {"value": None, "low": None, "high": None}
    known = found[~np.isnan(found)]
    if len(known) < LEVEL * len(found) or known.min() == known.max():
        return {"value": value, "low": None, "high": None}
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"value": value, "low": float(low), "high": float(high)}


def shown(figure: dict[str, float | None]) -> str:
    """ "0.912 (0.861 to 0.955)"."""
    if figure["value"] is None:
        return "not defined"
    if figure["low"] is None:
        return f"{figure['value']:.3f} (no interval)"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
