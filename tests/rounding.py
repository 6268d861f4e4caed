"""The rounding bounds of kernels/verify, as an assertion."""

import numpy as np

from kernels.verify.rounding import gamma, of_sum, unit

__all__ = ["assert_within", "gamma", "unit"]


def assert_within(actual, exact, magnitude, terms: int, dtype) -> None:
    """|actual - exact| <= gamma_terms * magnitude, elementwise; magnitude is sum|terms| of each result."""
    bound = of_sum(terms, magnitude, dtype).bound
    error = np.abs(np.asarray(actual, float) - exact)
    worst = np.max(error / np.where(bound > 0, bound, 1), initial=0.0)
    assert np.all(error <= bound), f"worst error is {worst:.3g} of the rounding bound (gamma of {terms} terms)"
