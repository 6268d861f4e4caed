"""Arrays of test numbers, each kind for one property."""

from typing import Any

import numpy as np

KINDS = ("integers", "random", "positive", "unlike", "smooth")


def draw_seeded(shape: Any, dtype: Any, seed: int, integers: bool) -> np.ndarray:
    """Return numbers from a seed: integers in -4..4, whose sums are exact, or normal ones over some decades."""
    return draw_numbers(np.random.default_rng(seed), shape, dtype, "integers" if integers else "random")


def draw_numbers(rng: np.random.Generator, shape: Any, dtype: Any, kind: str) -> np.ndarray:
    """Return random numbers of one of KINDS.

    integers: -4..4, whose sums are exact in float32; one in nine is 0.  random: normal, over some decades.

    positive: in (0, 1], so that nothing cancels.  smooth: normal, for central differences.
    unlike: normal, and every index of the first and of the last axis has a scale of its own, so that a result that
    mixes images, rows or channels is far off.
    """
    if kind == "integers":
        return np.asarray(rng.integers(-4, 5, shape)).astype(dtype)
    if kind == "positive":
        return np.asarray(1 - rng.random(shape)).astype(dtype)
    if kind == "smooth":
        return np.asarray(rng.standard_normal(shape)).astype(dtype)
    if kind == "unlike":
        numbers = np.asarray(rng.standard_normal(shape))
        for axis in {0, numbers.ndim - 1} if numbers.ndim else ():
            sizes = np.ones(numbers.ndim, int)
            sizes[axis] = numbers.shape[axis]
            numbers = numbers * 10.0 ** rng.integers(-3, 4, sizes)
        return numbers.astype(dtype)
    return np.asarray(rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4, shape)).astype(dtype)
