"""Metrics of grades: quadratic weighted kappa, mean absolute error, and how well each step from grade to grade is told.

A model gives the cumulative probabilities P(grade > j), j = 0 ... K-2, never rising with j. The predicted grade is the
number of them above 1/2: the median of the distribution, which has the smallest expected absolute error.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.evaluation import calibration, multilabel
from convnet.evaluation.intervals import Metric, Share, intervals, mean, roc_area


def steps(y: np.ndarray, classes: int) -> np.ndarray:
    """Return (N,K-1) int64: whether each grade y (N,) is above 0, above 1, ..."""
    return (y[:, None] > np.arange(classes - 1)).astype(np.int64)


def monotone(p: np.ndarray) -> np.ndarray:
    """Return cumulative probabilities (N,K-1) that never rise: P(grade > j+1) is at most P(grade > j)."""
    return np.minimum.accumulate(p, axis=1)


def grades(p: np.ndarray) -> np.ndarray:
    """Return the predicted grade (N,) of cumulative probabilities (N,K-1)."""
    return (p > 0.5).sum(axis=1)


def each_grade(p: np.ndarray) -> np.ndarray:
    """Return the probability of each grade (N,K) from cumulative ones (N,K-1): differences of neighbours."""
    ends = np.ones((len(p), 1))
    return np.clip(-np.diff(np.concatenate([ends, p, 0 * ends], axis=1), axis=1), 0, 1)


def fit(y: np.ndarray, p: np.ndarray) -> list[dict[str, Any]]:
    """Return the calibration of each step, from validation grades (N,) and cumulative probabilities p (N,K-1)."""
    return multilabel.fit(steps(y, p.shape[1] + 1), p)


def calibrate(p: np.ndarray, fitted: list[dict[str, Any]] | None) -> np.ndarray:
    """Return cumulative probabilities (N,K-1) calibrated, step by step, and monotone."""
    return monotone(multilabel.calibrate(p, fitted))


def kappa(y: np.ndarray, predicted: np.ndarray, classes: int) -> Metric:
    """Return, as a metric, Cohen's kappa with quadratic weights: 1 - sum_ij (i-j)^2 O[i,j] / sum_ij (i-j)^2 E[i,j].

    O counts (true, predicted) pairs, E = rows x columns / N is what chance gives. Source: Cohen, Psychol. Bull. 70:213,
    1968.
    """
    cell = np.zeros((len(y), classes * classes))
    cell[np.arange(len(y)), y * classes + predicted] = 1
    weights = np.subtract.outer(np.arange(classes), np.arange(classes)) ** 2

    def metric(w: np.ndarray) -> np.ndarray:
        observed = (w @ cell).reshape(-1, classes, classes)
        rows, columns = observed.sum(axis=2), observed.sum(axis=1)
        expected = rows[:, :, None] * columns[:, None, :] / w.sum(axis=1)[:, None, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            return 1 - (observed * weights).sum(axis=(1, 2)) / (expected * weights).sum(axis=(1, 2))

    return metric


def named_metrics(y: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> dict[str, Metric]:
    """Return the metrics of grades y (N,) and cumulative probabilities p (N,K-1).

    auc is the mean over the steps whose two sides both occur; MAE is in grades.
    """
    predicted, truth = grades(p), steps(y, len(classes))
    areas = [roc_area(truth[:, j] == 1, p[:, j]) for j in range(truth.shape[1]) if 0 < truth[:, j].sum() < len(y)]
    out: dict[str, Metric] = {
        "quadratic weighted kappa": kappa(y, predicted, len(classes)),
        "MAE": mean(np.abs(predicted - y).astype(float)),
        "accuracy": Share(predicted == y),
        "within one grade": Share(np.abs(predicted - y) <= 1),
        "auc": lambda w: np.mean([area(w) for area in areas], axis=0) if areas else np.full(len(w), np.nan),
        "brier": mean(((p - truth) ** 2).mean(axis=1)),
    }
    for i, name in enumerate(classes):
        out[f"sensitivity for '{name}'"] = Share(predicted == i, y == i)
    return out


def measure(
    y: np.ndarray, p: np.ndarray, classes: tuple[str, ...], groups: np.ndarray, wilson: bool = False
) -> dict[str, Any]:
    """Return the metrics with intervals by patient, the confusion, and how well the steps are calibrated."""
    from sklearn.metrics import confusion_matrix

    confusion = confusion_matrix(y, grades(p), labels=range(len(classes)))
    return {
        "n": len(y),
        "patients": len(np.unique(groups)),
        "classes": list(classes),
        "confusion": confusion.tolist(),
        "figures": intervals(named_metrics(y, p, classes), groups, wilson=wilson),
        "calibration": calibration.reliability(steps(y, len(classes)).reshape(-1), multilabel.pair(p.reshape(-1))),
    }
