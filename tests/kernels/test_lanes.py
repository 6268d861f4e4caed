"""Sums, dot products and maxima in lanes: every number counts once, at any length around whole lanes."""

import numpy as np
import pytest

from kernels.cpu import lanes
from kernels.jit import jit


@jit()
def reductions(a, b):
    return lanes.total(a), lanes.dot(a, b), lanes.largest(a)


LENGTHS = (1, 2, 10, 31, 63, 64, 65, 127, 128, 129, 1000)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lanes_agree_exactly_with_numpy_on_small_integers(length, dtype):
    rng = np.random.default_rng(length)
    a, b = (rng.integers(-9, 10, length).astype(dtype) for _ in range(2))
    assert reductions(a, b) == (a.sum(), (a * b).sum(), a.max())


@pytest.mark.parametrize("length", LENGTHS)
def test_the_largest_number_is_found_in_every_place(length):
    for place in range(length):
        row = np.full(length, -3.0)
        row[place] = -1.0
        assert reductions(row, row)[2] == -1.0


@pytest.mark.parametrize("place", [0, 63, 64, 100])
def test_a_nan_anywhere_makes_sum_and_dot_product_nan(place):
    row = np.ones(129)
    row[place] = np.nan
    total, dot, _ = reductions(row, np.ones(129))
    assert np.isnan(total)
    assert np.isnan(dot)
