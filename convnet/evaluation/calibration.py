"""How well probabilities match frequencies: temperature, expected calibration error, Brier score, reliability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

BINS = 10
LEAST = 1e-12  # a probability of 0 has no logarithm
FLATTEST = 1e-3  # a slope per standard deviation of log p: calibration never turns an order round


def temperature(y: np.ndarray, p: np.ndarray) -> float:
    """Return the T for which p^(1/T), normalized, has the smallest cross-entropy on labels y: fit it on validation.

    The targets are Platt's (`smooth_targets`). T is within 1/20 to 20. Source: Guo et al., ICML 2017.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    targets = smooth_targets(y, p.shape[1])
    logits = np.log(np.maximum(p, LEAST))

    def loss(log_T: float) -> float:
        return float(-np.mean(np.sum(targets * log_softmax(logits / np.exp(log_T), axis=1), axis=1)))

    most = np.log(20)
    return float(np.exp(minimize_scalar(loss, bounds=(-most, most), method="bounded").x))


def smooth_targets(y: np.ndarray, classes: int) -> np.ndarray:
    """Return Platt's targets (N,classes) instead of 0 and 1: examples all ranked rightly then ask for no infinity.

    (n_c + 1) / (n_c + 2) for a true class with n_c examples, what is left shared among the others.
    Source: Platt, Advances in Large Margin Classifiers, 1999.
    """
    n = np.bincount(y, minlength=classes)[y]
    targets = np.repeat(1 / (n + 2) / (classes - 1), classes).reshape(len(y), classes)
    targets[np.arange(len(y)), y] = (n + 1) / (n + 2)
    return targets


def calibrate(p: np.ndarray, T: float | None) -> np.ndarray:
    """Return probabilities (N,classes) at temperature T; as they are if it is None.

    p_c^(1/T) / sum_k p_k^(1/T), which is softmax(z / T) for p = softmax(z) (Guo et al., ICML 2017).
    """
    if T is None:
        return p
    powers = (p / p.max(axis=1, keepdims=True)) ** (1 / T)
    return powers / powers.sum(axis=1, keepdims=True)


def fit_scaling(y: np.ndarray, p: np.ndarray) -> tuple[float, tuple[float, ...]]:
    """Return (slope, biases) for `scale`, fitted on validation labels (N,) and probabilities p (N,C).

    They have the smallest cross-entropy against Platt's targets (`smooth_targets`), which is convex; the sum of the
    biases is 0. Every class must occur.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax, softmax

    classes = p.shape[1]
    targets, logs = smooth_targets(y, classes), np.log(np.clip(p, LEAST, 1))
    logs = logs - logs.mean(axis=1, keepdims=True)
    spread = float(logs.std()) or 1.0
    logs = logs / spread

    def loss(v: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss at slope and biases v, and its gradient."""
        z = v[0] * logs + np.append(v[1:], 0)
        dz = (softmax(z, axis=1) - targets) / len(z)
        return -float(np.sum(targets * log_softmax(z, axis=1))) / len(z), np.append(np.sum(dz * logs), dz.sum(0)[:-1])

    start, bounds = np.append(1.0, np.zeros(classes - 1)), [(FLATTEST, None)] + [(None, None)] * (classes - 1)
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14, "gtol": 1e-9}).x
    biases = np.append(best[1:], 0)
    return float(best[0] / spread), tuple((biases - biases.mean()).tolist())


def scale(p: np.ndarray, slope: float, biases: Sequence[float]) -> np.ndarray:
    """Return softmax(slope * log p + biases) of probabilities (N,C).

    For two classes that is Platt's scaling of the log-odds. Source: Alexandari, Kundaje & Shrikumar, ICML 2020.
    """
    from scipy.special import softmax

    return softmax(slope * np.log(np.clip(p, LEAST, 1)) + np.asarray(biases), axis=1)


def said(y: np.ndarray, p: np.ndarray, one: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return (predicted probability, whether the event occurred), (N,) each.

    For two classes the event is class `one` (1 if None), for more that the most probable class is right.
    """
    if p.shape[1] == 2:
        one = 1 if one is None else one
        return p[:, one], y == one
    return p.max(axis=1), p.argmax(axis=1) == y


def brier(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return (N,) squared errors whose mean is the Brier score: (p - y)^2 for two classes, else summed over them."""
    squares = (p - np.eye(p.shape[1])[y]) ** 2
    return squares[:, 1] if p.shape[1] == 2 else squares.sum(axis=1)


def reliability(y: np.ndarray, p: np.ndarray, one: int | None = None) -> dict[str, Any]:
    """Return ten bins of equal width: images, mean predicted probability, observed frequency, its Wilson interval.

    ece = sum_b n_b / N |share_b - mean_b|: it cannot be below what chance gives few images, about 0.05 for 150.
    """
    from scipy.stats import binomtest

    score, truth = said(y, p, one)
    place = np.minimum((score * BINS).astype(int), BINS - 1)
    bins = []
    for b in np.unique(place):
        at = place == b
        n, hits = int(at.sum()), int(truth[at].sum())
        around = binomtest(hits, n).proportion_ci(method="wilson")
        bins.append(
            {
                "n": n,
                "said": float(score[at].mean()),
                "was": hits / n,
                "low": float(around.low),
                "high": float(around.high),
            }
        )
    ece = sum(b["n"] * abs(b["was"] - b["said"]) for b in bins) / len(y)
    return {"ece": float(ece), "bins": bins}
