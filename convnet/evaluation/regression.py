"""Metrics of measurements: errors in their own unit, and an interval that holds new values as often as it says."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.evaluation.intervals import LEVEL, Metric, Share, intervals, mean

HELD = 0.9  # of new values lie in a prediction's interval
BINS = 10


def fit(y: np.ndarray, p: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """Return the half width of a prediction's interval, from validation values and predictions (N,).

    Split conformal prediction: the ceil((n+1) * 0.9)-th smallest of n errors |y - p|, each patient's largest one, for
    new patients are like these ones, not new images. None if there are too few patients (fewer than 9).
    Source: Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World, 2005; Lei et al., JASA 113:1094, 2018.
    """
    _, of = np.unique(groups, return_inverse=True)
    errors = np.zeros(int(of.max(initial=-1)) + 1)
    np.maximum.at(errors, of, np.abs(y - p))
    rank = int(np.ceil((len(errors) + 1) * HELD))
    half = float(np.sort(errors)[rank - 1]) if rank <= len(errors) else None
    return {"half_width": half, "held": HELD, "patients": len(errors)}


def check(found: Any) -> dict[str, Any]:
    """Return what `fit` wrote into a model file. Raises ValueError, TypeError or KeyError if it cannot be used."""
    half = found["half_width"]
    if half is not None and not 0 <= float(half) < float("inf"):
        raise ValueError(f"half width {half}")
    return {"half_width": half, "held": float(found["held"]), "patients": int(found["patients"])}


def named_metrics(y: np.ndarray, p: np.ndarray, half: float | None) -> dict[str, Metric]:
    """Return the metrics of values y and predictions p (N,); R2 = 1 - sum (y-p)^2 / sum (y - mean y)^2."""
    error = p - y
    squared = mean(error**2)

    centred = y - y.mean()  # or the difference below would cancel

    def r2(w: np.ndarray) -> np.ndarray:
        weight = w.sum(axis=1)
        spread = (w @ centred**2) / weight - ((w @ centred) / weight) ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(spread > 0, 1 - squared(w) / np.where(spread > 0, spread, 1), np.nan)

    out: dict[str, Metric] = {
        "MAE": mean(np.abs(error)),
        "RMSE": lambda w: np.sqrt(squared(w)),
        "R2": r2,
        "bias": mean(error),
    }
    if half is not None:
        out["within the interval"] = Share(np.abs(error) <= half)
    return out


def calibration(y: np.ndarray, p: np.ndarray) -> dict[str, Any]:
    """Return bins of predictions, equal in number: n, mean prediction, mean value and its interval; and a line.

    slope, intercept  of y on p by least squares: 1 and 0 for a calibrated model, None where p is constant
    """
    from scipy.stats import t

    order = np.argsort(p, kind="stable")
    bins = []
    for at in np.array_split(order, min(BINS, len(order))):
        half = float("nan")
        if len(at) > 1:
            half = float(t.ppf((1 + LEVEL) / 2, len(at) - 1) * y[at].std(ddof=1) / np.sqrt(len(at)))
        was = float(y[at].mean())
        known = np.isfinite(half)
        bins.append(
            {
                "n": len(at),
                "said": float(p[at].mean()),
                "was": was,
                "low": was - half if known else None,
                "high": was + half if known else None,
            }
        )
    slope = intercept = None
    if np.ptp(p) > 0:
        slope = float(np.cov(p, y, bias=True)[0, 1] / np.var(p))
        intercept = float(y.mean() - slope * p.mean())
    return {"bins": bins, "slope": slope, "intercept": intercept}


def measure(
    y: np.ndarray, p: np.ndarray, groups: np.ndarray, fitted: dict[str, Any] | None, wilson: bool = False
) -> dict[str, Any]:
    """Return the metrics with intervals by patient and the calibration, as plain JSON."""
    half = None if fitted is None else fitted["half_width"]
    return {
        "n": len(y),
        "patients": len(np.unique(groups)),
        "figures": intervals(named_metrics(y, p, half), groups, wilson=wilson),
        "interval": fitted,
        "range": [float(y.min()), float(y.max())],
        "calibration": calibration(y, p),
    }
