"""Rounding bounds: what a correct kernel may differ from the exact sum, whatever the order of its terms.

A sum of m products computed with unit roundoff u differs from the exact one by at most gamma_m * sum|terms|,
gamma_m = m u / (1 - m u)  (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.1).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Limit:
    """How far each number of a result may be from the oracle's, and the sum of its terms' magnitudes."""

    bound: np.ndarray
    magnitude: np.ndarray


def unit(dtype: Any) -> float:
    """Return u: half the distance from 1 to the next number."""
    return float(np.finfo(dtype).eps) / 2


def gamma(m: int, dtype: Any) -> float:
    """Compute gamma_m = m u / (1 - m u)."""
    return m * unit(dtype) / (1 - m * unit(dtype))


def wide(terms: int, others: int, dtype: Any) -> float:
    """Return gamma of a sum that float64 takes up, whatever the array's type: `others` are the roundings in that type.

    The two that are added before float64 takes them up, and the result's, are among the others.
    """
    return gamma(terms + others, dtype) if dtype == np.float64 else gamma(others, dtype) + gamma(terms, np.float64)


def of_sum(terms: int, magnitude: Any, dtype: Any, factor: float = 1.0) -> Limit:
    """Return the limit gamma_terms * magnitude of a sum of `terms` roundings; `factor` is that of registry.OWN_BOUNDS.

    The oracle is itself off by gamma in float64, which the bound includes.
    A denormal result may be off by the smallest step besides.
    """
    magnitude = np.asarray(magnitude, float)
    bound = factor * (gamma(terms, dtype) + gamma(terms, np.float64)) * magnitude
    return Limit(bound + float(np.finfo(dtype).smallest_subnormal) * max(terms, 1), magnitude)


def fraction(actual: Any, exact: Any, limit: Limit) -> float:
    """Return the worst error as a fraction of its bound; infinite if one is not finite and the other is."""
    bad = np.isfinite(actual) != np.isfinite(exact)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        error = np.abs(np.asarray(actual, float) - exact)
        ratio = np.where(error == 0, 0.0, error / limit.bound)
    return float(np.max(np.where(bad, np.inf, np.nan_to_num(ratio, nan=0.0, posinf=np.inf)), initial=0.0))


def ulps(actual: np.ndarray, exact: Any, limit: Limit) -> float | None:
    """Return the worst error in units of the exact result's last place; None if no number can be measured so.

    Only where the result is at least half of its terms' magnitudes: where they cancel, the last place says nothing of
    the kernel.
    """
    exact = np.asarray(exact, float)
    kept = (np.abs(exact) >= limit.magnitude / 2) & (exact != 0) & np.isfinite(exact)
    if not kept.any():
        return None
    spacing = np.spacing(np.abs(exact[kept]).astype(actual.dtype)).astype(float)
    return float(np.max(np.abs(actual[kept].astype(float) - exact[kept]) / spacing))
