"""Metrics of several findings an image: of each finding apart, and their means."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.evaluation import calibration, threshold
from convnet.evaluation.intervals import Metric, Share, intervals, mean, pr_area, roc_area


def fit(y: np.ndarray, p: np.ndarray) -> list[dict[str, Any]]:
    """Return each finding's calibration and threshold, from validation labels (N,K) and probabilities p (N,K).

    slope, bias  of its log-odds (Platt's scaling), 1 and 0 where validation lacks the finding or images without it
    threshold    of the calibrated probability, with the largest sensitivity + specificity on validation; else 1/2
    images       how many images with it, and without it, they were fitted on
    """
    out = []
    for truth, q in zip(y.T, p.T, strict=True):
        found: dict[str, Any] = {"slope": 1.0, "bias": 0.0, "threshold": 0.5}
        if 0 < truth.sum() < len(truth):
            slope, biases = calibration.fit_scaling(truth, pair(q))
            found |= {"slope": slope, "bias": biases[1] - biases[0]}
            curve = threshold.curve(truth, pair(scale(q, found)))
            assert curve is not None
            found["threshold"] = min(threshold.choose(curve, 1)[0], 1.0)
        out.append({**found, "images": [int(truth.sum()), int(len(truth) - truth.sum())]})
    return out


def check(found: Any, outputs: int) -> list[dict[str, Any]]:
    """Return a calibration that a model file records. Raises ValueError, TypeError or KeyError if it cannot be used."""
    if len(found) != outputs:
        raise ValueError(f"it is of {len(found)} outputs, the model has {outputs}")
    for one in found:
        slope, bias, cut = (float(one[name]) for name in ("slope", "bias", "threshold"))
        if not (0 < slope < float("inf") and np.isfinite(bias) and 0 <= cut <= 1):
            raise ValueError(f"slope {slope}, bias {bias}, threshold {cut}")
    return list(found)


def pair(p: np.ndarray) -> np.ndarray:
    """Return probabilities (N,) of yes as those of no and yes (N,2)."""
    return np.stack([1 - p, p], axis=1)


def scale(p: np.ndarray, fitted: dict[str, Any]) -> np.ndarray:
    """Return one finding's probabilities (N,) calibrated."""
    return calibration.scale(pair(p), fitted["slope"], (0.0, fitted["bias"]))[:, 1]


def calibrate(p: np.ndarray, fitted: list[dict[str, Any]] | None) -> np.ndarray:
    """Return probabilities (N,K) calibrated, each finding by itself; as they are without a fit."""
    if fitted is None:
        return p
    return np.stack([scale(q, one) for q, one in zip(p.T, fitted, strict=True)], axis=1)


def finding_metrics(truth: np.ndarray, p: np.ndarray, cut: float) -> dict[str, Metric]:
    """Return the metrics of one finding: truth (N,) bool, p (N,), called present from the threshold `cut` on."""
    called = p >= cut
    return {
        "auc": roc_area(truth, p),
        "pr_auc": pr_area(truth, p),
        "brier": mean((p - truth) ** 2),
        "sensitivity": Share(called, truth),
        "specificity": Share(~called, ~truth),
        "PPV": Share(truth, called),
        "NPV": Share(~truth, ~called),
    }


def mean_metrics(y: np.ndarray, p: np.ndarray, cuts: np.ndarray) -> dict[str, Metric]:
    """Return the metrics over all findings.

    auc, pr_auc  means over the findings that occur and are missing somewhere
    accuracy     share of right answers over images and findings, called present from 1/2 on (MedMNIST's ACC)
    exact        share of images with every finding right, by each finding's own threshold
    brier        mean over images and findings
    """
    defined = [k for k in range(y.shape[1]) if 0 < y[:, k].sum() < len(y)]
    areas = [(roc_area(y[:, k] == 1, p[:, k]), pr_area(y[:, k] == 1, p[:, k])) for k in defined]

    def average(which: int) -> Metric:
        return lambda w: np.mean([pair[which](w) for pair in areas], axis=0) if areas else np.full(len(w), np.nan)

    return {
        "auc": average(0),
        "pr_auc": average(1),
        "accuracy": mean(((p >= 0.5) == y).mean(axis=1)),
        "exact": Share(((p >= cuts) == y).all(axis=1)),
        "brier": mean(((p - y) ** 2).mean(axis=1)),
    }


def measure(
    y: np.ndarray, p: np.ndarray, classes: tuple[str, ...], groups: np.ndarray, cuts: np.ndarray, wilson: bool = False
) -> dict[str, Any]:
    """Return the metrics of labels y (N,K), 0 or 1, and probabilities p (N,K), with intervals by patient.

    figures   of `mean_metrics`; findings: {name: {images, threshold, figures, calibration}} of each finding
    calibration  of all findings together
    """
    flat = mean_metrics(y, p, cuts)
    names = list(flat)
    for k in range(len(classes)):
        flat |= {f"{k} {m}": f for m, f in finding_metrics(y[:, k] == 1, p[:, k], float(cuts[k])).items()}
    found = intervals(flat, groups, wilson=wilson)
    kinds = [m[2:] for m in flat if m.startswith("0 ")]
    return {
        "n": len(y),
        "patients": len(np.unique(groups)),
        "classes": list(classes),
        "figures": {name: found[name] for name in names},
        "findings": {
            name: {
                "images": int(y[:, k].sum()),
                "threshold": float(cuts[k]),
                "figures": {m: found[f"{k} {m}"] for m in kinds},
                "calibration": calibration.reliability(y[:, k], pair(p[:, k])),
            }
            for k, name in enumerate(classes)
        },
        "calibration": calibration.reliability(y.reshape(-1), pair(p.reshape(-1))),
    }
