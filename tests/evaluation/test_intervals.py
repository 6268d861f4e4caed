"""Areas as functions of sample weights, against scikit-learn's and against areas counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from convnet.evaluation.intervals import pr_area, roc_area

ONE = np.ones((1, 4))


def test_the_roc_area_is_the_share_of_pairs_in_the_right_order():
    truth, scores = np.array([True, False, True, False]), np.array([0.9, 0.8, 0.4, 0.1])
    assert roc_area(truth, scores)(ONE).tolist() == [0.75]  # of 4 pairs, 0.4 < 0.8 alone is wrong
    assert roc_area(truth, np.array([0.5, 0.5, 0.4, 0.1]))(ONE).tolist() == [0.625]  # a tie counts a half


def test_the_precision_recall_area_is_the_average_precision():
    truth, scores = np.array([True, False, True, False]), np.array([0.9, 0.8, 0.4, 0.1])
    assert pr_area(truth, scores)(ONE)[0] == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)


@given(st.integers(0, 10_000), st.integers(4, 60), st.integers(2, 6))
def test_areas_are_scikit_learns_for_any_sample_weights(seed, n, levels):
    rng = np.random.default_rng(seed)
    truth = np.r_[True, False, rng.random(n) < 0.4]
    scores = rng.integers(0, levels, n + 2) / levels  # many ties
    w = np.c_[np.ones((5, 2)), rng.integers(0, 4, (5, n))].astype(float)
    expected = [roc_auc_score(truth, scores, sample_weight=one) for one in w]
    np.testing.assert_allclose(roc_area(truth, scores)(w), expected, atol=1e-12)
    expected = [average_precision_score(truth, scores, sample_weight=one) for one in w]
    np.testing.assert_allclose(pr_area(truth, scores)(w), expected, atol=1e-12)


def test_a_resample_without_one_of_the_two_has_no_area():
    truth, scores = np.array([True, False, True, False]), np.array([0.9, 0.8, 0.4, 0.1])
    w = np.array([[1.0, 0, 1, 0], [0.0, 1, 0, 1]])
    assert np.isnan(roc_area(truth, scores)(w)).all()
    assert np.isnan(pr_area(truth, scores)(w)).tolist() == [False, True]
