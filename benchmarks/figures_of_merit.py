"""What is said about samples: medians, quartiles, intervals of ratios by bootstrap, exponents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES, LEVEL = 2000, 0.95


def median(samples: Sequence[float]) -> float:
    """The middle sample."""
    return float(np.median(samples))


def quartiles(samples: Sequence[float]) -> tuple[float, float]:
    """First and third quartile."""
    low, high = np.percentile(samples, [25, 75])
    return float(low), float(high)


def ratio(a: Sequence[float], b: Sequence[float], paired: bool) -> tuple[float, float, float]:
    """median(a) / median(b) with the ends of its 95 % percentile-bootstrap interval (Efron and Tibshirani, 1993).

    paired: a[r] and b[r] come from the same round and are drawn together; a slow moment then slows both.
    """
    x, y = np.asarray(a, float), np.asarray(b, float)
    if paired and len(x) != len(y):
        raise ValueError(f"paired samples must be equally many, got {len(x)} and {len(y)}")
    rng = np.random.default_rng(0)
    first = rng.integers(0, len(x), (RESAMPLES, len(x)))
    second = first if paired else rng.integers(0, len(y), (RESAMPLES, len(y)))
    ratios = np.median(x[first], axis=1) / np.median(y[second], axis=1)
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(np.median(x) / np.median(y)), float(low), float(high)


def verdict(low: float, high: float) -> str:
    """Of a ratio of times: "faster" if its interval lies below 1, "slower" if above, else "undecided"."""
    return "faster" if high < 1 else "slower" if low > 1 else "undecided"


def geometric_mean(values: Sequence[float]) -> float:
    """exp of the mean logarithm."""
    return float(np.exp(np.mean(np.log(values))))


def exponent(sizes: Sequence[float], times: Sequence[float]) -> float:
    """e of the least-squares line log(time) = e * log(size) + c."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
