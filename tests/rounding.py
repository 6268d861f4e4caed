"""Rounding bounds: what a correct kernel may differ from the exact sum, whatever the order of its terms.

A sum of m products computed with unit roundoff u differs from the exact one by at most gamma_m * sum|terms|,
gamma_m = m u / (1 - m u)  (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.1).
"""

import numpy as np


def unit(dtype) -> float:
    """u: half the distance from 1 to the next number."""
    return float(np.finfo(dtype).eps) / 2


def gamma(m: int, dtype) -> float:
    """gamma_m = m u / (1 - m u)."""
    return m * unit(dtype) / (1 - m * unit(dtype))


def assert_within(actual, exact, magnitude, terms: int, dtype) -> None:
    """|actual - exact| <= gamma_terms * magnitude, elementwise; magnitude is sum|terms| of each result.

    `exact` is the float64 reference, itself off by gamma in float64, which the bound includes.
    A denormal result may be off by the smallest step besides.
    """
    bound = (gamma(terms, dtype) + gamma(terms, np.float64)) * np.asarray(magnitude, float)
    bound += float(np.finfo(dtype).smallest_subnormal) * max(terms, 1)
    error = np.abs(np.asarray(actual, float) - exact)
    worst = np.max(error / np.where(bound > 0, bound, 1), initial=0.0)
    assert np.all(error <= bound), f"worst error is {worst:.3g} of the rounding bound (gamma of {terms} terms)"
