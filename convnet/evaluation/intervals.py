"""Metrics as functions of sample weights, so that one formula gives the metric and its bootstrap interval.

An interval is Efron's percentile interval over resamples of patients (all images of a patient together, as they are not
independent): a resample draws as many patients as there are, with replacement, and an image's weight is how often its
patient was drawn. Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; for clusters Field &
Welsh, J. R. Stat. Soc. B 69:369, 2007.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Metric = Callable[[np.ndarray], np.ndarray]  # sample weights (B,N) -> (B,), NaN if it is not defined

RESAMPLES = 2000
LEVEL = 0.95
AT_ONCE = 4_000_000  # weights in memory


class Share:
    """The weighted share of `of` (all images if None) where `hits` is true: accuracy, sensitivity, PPV, ..."""

    def __init__(self, hits: np.ndarray, of: np.ndarray | None = None) -> None:
        self.of = np.ones(len(hits), bool) if of is None else of
        self.hits = hits & self.of

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """Return the share under each row of sample weights."""
        with np.errstate(invalid="ignore"):
            return (w @ self.hits) / (w @ self.of)


def mean(values: np.ndarray) -> Metric:
    """Return the weighted mean of a value of each image, as a metric."""
    return lambda w: (w @ values) / w.sum(axis=1)


def roc_area(truth: np.ndarray, scores: np.ndarray) -> Metric:
    """Return, as a metric, the share of pairs (one yes, one no) whose yes has the larger score; ties count a half."""
    order, ends = by_score(scores)
    truth = truth[order]

    def metric(w: np.ndarray) -> np.ndarray:
        yes, no = steps(w[:, order], truth, ends)
        before = np.cumsum(yes, axis=1) - yes  # with a larger score
        with np.errstate(invalid="ignore"):
            return np.sum((before + yes / 2) * no, axis=1) / (yes.sum(axis=1) * no.sum(axis=1))

    return metric


def pr_area(truth: np.ndarray, scores: np.ndarray) -> Metric:
    """Return, as a metric, the average precision: sum over thresholds of (recall - recall before) * precision."""
    order, ends = by_score(scores)
    truth = truth[order]

    def metric(w: np.ndarray) -> np.ndarray:
        yes, no = steps(w[:, order], truth, ends)
        found, called = np.cumsum(yes, axis=1), np.cumsum(yes + no, axis=1)
        with np.errstate(invalid="ignore"):
            precision = np.where(called > 0, found / np.where(called > 0, called, 1), 0)
            return np.sum(yes * precision, axis=1) / found[:, -1]

    return metric


def by_score(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (the order of falling scores, where each run of equal scores begins in it)."""
    order = np.argsort(-scores, kind="stable")
    return order, np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])


def steps(w: np.ndarray, truth: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of yes and of no at each distinct score, (B, distinct) each."""
    return np.add.reduceat(w * truth, starts, axis=1), np.add.reduceat(w * ~truth, starts, axis=1)


def ranking_metrics(y: np.ndarray, p: np.ndarray) -> dict[str, Metric]:
    """Return accuracy, auc and pr_auc of labels (N,) and probabilities (N,C).

    The areas are of class 1 for two classes (auc is the same for either), else the mean of one against the rest.
    """
    classes = range(1, 2) if p.shape[1] == 2 else range(p.shape[1])
    areas = [(roc_area(y == c, p[:, c]), pr_area(y == c, p[:, c])) for c in classes]
    return {
        "accuracy": Share(p.argmax(axis=1) == y),
        "auc": lambda w: np.mean([roc(w) for roc, _ in areas], axis=0),
        "pr_auc": lambda w: np.mean([pr(w) for _, pr in areas], axis=0),
    }


def resamples(groups: np.ndarray, seed: int) -> Any:
    """Yield sample weights (B,N) of 2000 resamples of patients, a few at a time."""
    rng = np.random.Generator(np.random.Philox(seed))
    names, of = np.unique(groups, return_inverse=True)
    n, left = len(names), RESAMPLES
    while left:
        b = min(left, max(1, AT_ONCE // len(groups)))
        yield rng.multinomial(n, np.full(n, 1 / n), size=b)[:, of].astype(float)
        left -= b


def intervals(
    metrics: dict[str, Metric], groups: np.ndarray, seed: int = 0, wilson: bool = False
) -> dict[str, dict[str, float | None]]:
    """Return {name: {value, low, high}}: each metric and its 95% interval by patient; None if it is not defined.

    All metrics are computed on the same resamples. There is no interval if more than one resample in twenty lacks the
    metric (a class, or a predicted class, is missing from it), nor if all give one value: three right of three proves
    little. A share of 0 or 1 has Clopper and Pearson's exact interval instead, its trials being the patients.
    With `wilson` every share has Wilson's interval: right where each patient has one result, so that trials are
    independent, and closer than the bootstrap where patients are few.
    """
    one = np.ones((1, len(groups)))
    values = {name: float(metric(one)[0]) for name, metric in metrics.items()}
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for w in resamples(groups, seed):
        for name, metric in metrics.items():
            drawn[name].append(metric(w))
    found = {name: interval(values[name], np.concatenate(drawn[name])) for name in metrics}
    for name, metric in metrics.items():
        if isinstance(metric, Share) and wilson:
            found[name] = wilson_interval(int(metric.hits.sum()), int(metric.of.sum()))
        elif isinstance(metric, Share) and values[name] in (0.0, 1.0):
            found[name] = exact(values[name], len(np.unique(groups[metric.of])))
    return found


def exact(value: float, n: int) -> dict[str, float | None]:
    """Return the interval of none or all of n (Clopper & Pearson, Biometrika 26:404, 1934): 1 - a^(1/n), a = 0.025."""
    edge = ((1 - LEVEL) / 2) ** (1 / n)
    low, high = (edge, 1.0) if value else (0.0, 1 - edge)
    return {"value": value, "low": low, "high": high}


def wilson_interval(hits: int, n: int) -> dict[str, float | None]:
    """Return a share of n independent trials with its interval (Wilson, J. Am. Stat. Assoc. 22:209, 1927)."""
    from scipy.stats import binomtest

    if not n:
        return {"value": None, "low": None, "high": None}
    around = binomtest(hits, n).proportion_ci(LEVEL, method="wilson")
    return {"value": hits / n, "low": float(around.low), "high": float(around.high)}


def interval(value: float, found: np.ndarray) -> dict[str, float | None]:
    """Return the percentile interval, if there is one."""
    if np.isnan(value):
        return {"value": None, "low": None, "high": None}
    known = found[~np.isnan(found)]
    if len(known) < LEVEL * len(found) or known.min() == known.max():
        return {"value": value, "low": None, "high": None}
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"value": value, "low": float(low), "high": float(high)}


def format_interval(found: dict[str, float | None]) -> str:
    """Return a metric and its interval as text: "0.912 (0.861 to 0.955)"."""
    if found["value"] is None:
        return "not defined"
    if found["low"] is None:
        return f"{found['value']:.3f} (no interval)"
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
