"""Sums, dot products and maxima in lanes: every number counts once, at any length around whole lanes."""

import numpy as np
import pytest

from kernels import lanes
from kernels.jit import jit


@jit()
def reductions(a, b, scratch):
    return lanes.total(a, scratch), lanes.dot(a, b, scratch), lanes.largest(a, scratch)


LENGTHS = (1, 10, 63, 64, 65, 127, 128, 129, 1000)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lanes_agree_exactly_with_numpy_on_small_integers(length, dtype):
    rng = np.random.default_rng(length)
    a, b = (rng.integers(-9, 10, length).astype(dtype) for _ in range(2))
    assert reductions(a, b, np.empty(lanes.LANES, dtype)) == (a.sum(), (a * b).sum(), a.max())


@pytest.mark.parametrize("length", LENGTHS)
def test_the_largest_number_is_found_in_every_place(length):
    for place in range(length):
        row = np.full(length, -3.0)
        row[place] = -1.0
        assert reductions(row, row, np.empty(lanes.LANES))[2] == -1.0


@pytest.mark.parametrize("place", [0, 63, 64, 100])
def test_a_nan_anywhere_makes_sum_and_dot_product_nan(place):
    row = np.ones(129)
    row[place] = np.nan
    total, dot, _ = reductions(row, np.ones(129), np.empty(lanes.LANES))
    assert np.isnan(total)
    assert np.isnan(dot)
