"""Spearman's rank correlation of two maps, against textbook values."""

import numpy as np
import pytest

from convnet.explain.maps.sanity import rank_correlation


def test_a_textbook_example():
    """Hours of television and intelligence quotients of ten people: rho = -29 / 165."""
    quotient = np.array([106, 100, 86, 101, 99, 103, 97, 113, 112, 110])
    hours = np.array([7, 27, 2, 50, 28, 29, 20, 12, 6, 17])
    assert rank_correlation(quotient.reshape(2, 5), hours.reshape(2, 5)) == pytest.approx(-29 / 165)


def test_ties_share_their_mean_rank():
    assert rank_correlation(np.array([1, 2, 2, 3]), np.array([1, 2, 3, 4])) == pytest.approx(4.5 / np.sqrt(4.5 * 5))


def test_only_the_order_counts_and_a_constant_map_correlates_with_nothing():
    a = np.array([[0.1, 5.0], [2.0, 3.0]])
    assert rank_correlation(a, np.exp(a)) == pytest.approx(1)
    assert rank_correlation(a, -(a**3)) == pytest.approx(-1)
    assert rank_correlation(a, np.zeros((2, 2))) == 0
