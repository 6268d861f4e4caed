"""Results of groups: each rule is its formula, its calibration is Platt's, and what cannot be joined is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit, softmax

from convnet.evaluation import grouping as joining
from convnet.evaluation.grouping import Grouping


def images(seed=0, groups=7, classes=2):
    rng = np.random.default_rng(seed)
    of = rng.permutation(np.repeat(np.arange(groups), rng.integers(1, 6, groups)))
    return softmax(rng.normal(0, 2, (len(of), classes)), axis=1), of


def test_the_mean_of_log_odds_of_two_classes_is_the_mean_of_the_images_logits():
    p, of = images()
    found = joining.aggregate(p, of, Grouping("patient"))
    wanted = [expit(logit(p[of == g, 1]).mean()) for g in range(7)]
    np.testing.assert_allclose(found[:, 1], wanted, rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)


def test_the_mean_for_more_classes_is_the_normalized_geometric_mean():
    from scipy.stats import gmean

    p, of = images(classes=4)
    found = joining.aggregate(p, of, Grouping("study"))
    wanted = np.stack([gmean(p[of == g], axis=0) for g in range(7)])
    np.testing.assert_allclose(found, wanted / wanted.sum(axis=1, keepdims=True), rtol=1e-12)


@pytest.mark.parametrize("finding", [0, 1])
def test_max_is_the_most_suspicious_image_and_top_k_the_mean_of_the_k_most_suspicious(finding):
    p, of = images(groups=5)
    top = joining.aggregate(p, of, Grouping("patient", "max", finding))
    three = joining.aggregate(p, of, Grouping("patient", "top-3", finding))
    for g in range(5):
        odds = sorted(logit(p[of == g, finding]), reverse=True)
        assert top[g, finding] == pytest.approx(p[of == g, finding].max(), rel=1e-12)
        assert three[g, finding] == pytest.approx(expit(np.mean(odds[:3])), rel=1e-12)


def test_top_k_of_all_images_is_the_mean_for_two_classes_and_top_1_is_max():
    p, of = images()
    mean, every = (joining.aggregate(p, of, Grouping("series", how)) for how in ("mean-log-odds", "top-9"))
    np.testing.assert_allclose(mean, every, rtol=1e-9)
    one, most = (joining.aggregate(p, of, Grouping("series", how)) for how in ("top-1", "max"))
    np.testing.assert_array_equal(one, most)


def test_an_image_that_is_no_number_is_left_out_and_a_group_of_them_has_no_result():
    p, of = images()
    spoiled = p.copy()
    spoiled[np.flatnonzero(of == 2)[1:]] = np.nan
    spoiled[of == 3] = np.nan
    found = joining.aggregate(spoiled, of, Grouping("patient"))
    np.testing.assert_allclose(found[2], p[of == 2][0], rtol=1e-12)
    assert np.isnan(found[3]).all()
    assert np.isfinite(np.delete(found, 3, axis=0)).all()


def test_a_probability_of_0_and_of_1_gives_a_finite_result():
    p = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
    found = joining.aggregate(p, np.zeros(3, int), Grouping("patient"))
    np.testing.assert_allclose(found, [[0.5, 0.5]], rtol=1e-9)


def test_the_calibration_of_groups_is_platts_scaling_of_their_log_odds():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 4000)
    odds = 3.0 * (2 * y - 1) + 4 + rng.normal(0, 3, len(y))  # shifted, as the largest of many images is
    p = np.stack([expit(-odds), expit(odds)], axis=1)
    fitted = joining.fit(y, p, Grouping("patient", "max", 1))
    other = LogisticRegression(C=1e9).fit(odds[:, None], y)  # with as many groups Platt's targets are 0 and 1
    assert fitted.slope == pytest.approx(other.coef_[0, 0], rel=0.01)
    shift = (fitted.biases[1] - fitted.biases[0], other.intercept_[0])
    assert shift[0] == pytest.approx(shift[1], rel=0.01)
    np.testing.assert_allclose(joining.calibrate(p, fitted)[:, 1], other.predict_proba(odds[:, None])[:, 1], atol=2e-3)
    assert fitted.groups == 4000
    assert fitted.points is not None


def test_calibration_keeps_the_order_of_groups_and_is_none_without_every_class():
    p, of = images(3, groups=30)
    joined = joining.aggregate(p, of, Grouping("patient"))
    y = (joined[:, 1] > 0.4).astype(int)
    fitted = joining.fit(y, joined, Grouping("patient"))
    assert (np.argsort(joining.calibrate(joined, fitted)[:, 1]) == np.argsort(joined[:, 1])).all()
    alone = joining.fit(np.zeros(30, int), joined, Grouping("patient"))
    assert not alone.calibrated
    np.testing.assert_array_equal(joining.calibrate(joined, alone), joined)


def test_a_group_has_its_images_class_and_one_image_of_the_finding_is_enough():
    y, of = np.array([0, 0, 1, 1, 0, 1]), np.array([0, 0, 1, 1, 2, 2])
    names = ("healthy", "ill")
    assert joining.join_labels(y, of, Grouping("patient", "max", 1), names).tolist() == [0, 1, 1]
    assert joining.join_labels(y, of, Grouping("patient", "top-2", 0), names).tolist() == [0, 1, 0]
    with pytest.raises(ValueError, match=r"1 of 3 groups have images of different classes.*--aggregate max"):
        joining.join_labels(y, of, Grouping("patient"), names)
    with pytest.raises(ValueError, match="different classes"):
        joining.join_labels(y, of, Grouping("patient", "max"), ("a", "b", "c"))


@pytest.mark.parametrize("text", ["mean", "top-0", "top-", "top-1.5", "top--1", "MAX", ""])
def test_a_rule_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"aggregate must be one of mean-log-odds, max, top-K"):
        Grouping("patient", text)


@given(st.integers(1, 999))
def test_top_k_takes_every_whole_number(k):
    assert joining.largest(f"top-{k}") == k


def test_a_grouping_comes_back_from_a_model_file_and_damage_is_refused():
    p, of = images(3, groups=30)
    joined = joining.aggregate(p, of, Grouping("patient"))
    fitted = joining.fit((joined[:, 1] > 0.4).astype(int), joined, Grouping("patient"))
    assert Grouping.from_plain(fitted.to_plain()) == fitted
    for name, value in (
        *(("level", "ward"), ("aggregate", "sum"), ("slope", -1.0), ("slope", None), ("slope", float("nan"))),
        *(("biases", [float("inf"), 0.0]), ("finding", 7), ("points", {"threshold": [1]})),
    ):
        with pytest.raises((ValueError, TypeError)):
            Grouping.from_plain({**fitted.to_plain(), name: value})
