"""Metrics of findings, grades and measurements: equal to scikit-learn's, and intervals that hold what they say."""

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.linear_model import LinearRegression, LogisticRegression

from convnet.evaluation import multilabel, ordinal, regression

ONE = np.ones((1, 200))
rng = np.random.default_rng(0)
Y = rng.integers(0, 2, (200, 3))
P = np.clip(0.3 * Y + rng.random((200, 3)) * 0.7, 0, 1)
GRADES = rng.integers(0, 4, 200)
LATENT = GRADES + rng.normal(0, 0.8, 200)
CUMULATIVE = 1 / (1 + np.exp(-3 * (LATENT[:, None] - np.array([0.5, 1.5, 2.5]))))
VALUES = rng.normal(1000, 5, 200)
PREDICTED = VALUES + rng.normal(1, 2, 200)


def value(metric):
    return float(metric(ONE)[0])


def test_the_means_over_findings_are_scikit_learns():
    cuts = np.array([0.4, 0.5, 0.6])
    found = {name: value(metric) for name, metric in multilabel.mean_metrics(Y, P, cuts).items()}
    assert found["auc"] == pytest.approx(sk.roc_auc_score(Y, P, average="macro"))
    assert found["pr_auc"] == pytest.approx(sk.average_precision_score(Y, P, average="macro"))
    assert found["accuracy"] == pytest.approx(1 - sk.hamming_loss(Y, P >= 0.5))
    assert found["exact"] == pytest.approx(sk.accuracy_score(Y, cuts <= P))
    assert found["brier"] == pytest.approx(np.mean([sk.brier_score_loss(Y[:, k], P[:, k]) for k in range(3)]))


def test_each_findings_metrics_are_scikit_learns():
    found = multilabel.measure(Y, P, ("a", "b", "c"), np.arange(200), np.array([0.4, 0.5, 0.6]))
    for k, (name, cut) in enumerate(zip("abc", (0.4, 0.5, 0.6), strict=True)):
        figures = {n: v["value"] for n, v in found["findings"][name]["figures"].items()}
        y, called = Y[:, k], P[:, k] >= cut
        assert figures["auc"] == pytest.approx(sk.roc_auc_score(y, P[:, k]))
        assert figures["sensitivity"] == pytest.approx(sk.recall_score(y, called))
        assert figures["specificity"] == pytest.approx(sk.recall_score(y, called, pos_label=0))
        assert figures["PPV"] == pytest.approx(sk.precision_score(y, called))
        assert found["findings"][name]["threshold"] == cut


def test_a_finding_that_never_occurs_has_no_auc_and_does_not_count_in_the_mean():
    y = Y.copy()
    y[:, 1] = 0
    found = multilabel.measure(y, P, ("a", "b", "c"), np.arange(200), np.full(3, 0.5))
    assert found["findings"]["b"]["figures"]["auc"]["value"] is None
    wanted = np.mean([sk.roc_auc_score(y[:, k], P[:, k]) for k in (0, 2)])
    assert found["figures"]["auc"]["value"] == pytest.approx(wanted)


def test_each_finding_is_calibrated_by_platts_scaling_of_its_own():
    fitted = multilabel.fit(Y, P)
    for k, one in enumerate(fitted):
        odds = np.log(P[:, k] / (1 - P[:, k]))[:, None]
        n = np.bincount(Y[:, k])
        target = np.where(Y[:, k] == 1, (n[1] + 1) / (n[1] + 2), 1 / (n[0] + 2))
        other = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000).fit(
            np.repeat(odds, 2, axis=0), np.tile([1, 0], 200), np.stack([target, 1 - target], 1).reshape(-1)
        )
        assert one["slope"] == pytest.approx(other.coef_[0, 0], rel=1e-3)
        assert one["bias"] == pytest.approx(other.intercept_[0], rel=1e-3, abs=1e-4)
    q = multilabel.calibrate(P, fitted)
    for k, one in enumerate(fitted):  # Youden's threshold on validation
        tpr_fpr = [((q[Y[:, k] == 1, k] >= t).mean() - (q[Y[:, k] == 0, k] >= t).mean()) for t in np.unique(q[:, k])]
        at = (q[Y[:, k] == 1, k] >= one["threshold"]).mean() - (q[Y[:, k] == 0, k] >= one["threshold"]).mean()
        assert at == pytest.approx(max(tpr_fpr))


def test_a_finding_that_validation_lacks_is_not_calibrated():
    y = Y.copy()
    y[:, 1] = 1
    one = multilabel.fit(y, P)[1]
    assert (one["slope"], one["bias"], one["threshold"], one["images"]) == (1.0, 0.0, 0.5, [200, 0])
    np.testing.assert_allclose(multilabel.scale(P[:, 1], one), P[:, 1], rtol=1e-9)


def test_kappa_mae_and_accuracy_of_grades_are_scikit_learns():
    predicted = ordinal.grades(CUMULATIVE)
    found = {n: value(m) for n, m in ordinal.named_metrics(GRADES, CUMULATIVE, ("0", "1", "2", "3")).items()}
    wanted = sk.cohen_kappa_score(GRADES, predicted, weights="quadratic")
    assert found["quadratic weighted kappa"] == pytest.approx(wanted, rel=1e-12)
    assert found["MAE"] == pytest.approx(sk.mean_absolute_error(GRADES, predicted))
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(GRADES, predicted))
    assert found["within one grade"] == np.mean(np.abs(GRADES - predicted) <= 1)
    areas = [sk.roc_auc_score(j < GRADES, CUMULATIVE[:, j]) for j in range(3)]
    assert found["auc"] == pytest.approx(np.mean(areas))


def test_a_weighted_kappa_is_scikit_learns_with_sample_weights():
    predicted, weights = ordinal.grades(CUMULATIVE), rng.integers(0, 4, 200)
    found = ordinal.kappa(GRADES, predicted, 4)(weights[None].astype(float))[0]
    wanted = sk.cohen_kappa_score(GRADES, predicted, weights="quadratic", sample_weight=weights)
    assert found == pytest.approx(wanted, rel=1e-12)


def test_grades_have_probabilities_that_sum_to_one_and_a_median():
    p = np.array([[0.9, 0.6, 0.2], [0.4, 0.7, 0.1]])
    level = ordinal.monotone(p)
    assert level.tolist() == [[0.9, 0.6, 0.2], [0.4, 0.4, 0.1]]
    each = ordinal.each_grade(level)
    np.testing.assert_allclose(each, [[0.1, 0.3, 0.4, 0.2], [0.6, 0.0, 0.3, 0.1]])
    np.testing.assert_allclose(each.sum(axis=1), 1)
    assert ordinal.grades(level).tolist() == [2, 0]
    assert (np.diff(ordinal.calibrate(CUMULATIVE, ordinal.fit(GRADES, CUMULATIVE)), axis=1) <= 0).all()


def test_errors_of_measurements_are_scikit_learns():
    found = {n: value(m) for n, m in regression.named_metrics(VALUES, PREDICTED, 3.0).items()}
    assert found["MAE"] == pytest.approx(sk.mean_absolute_error(VALUES, PREDICTED))
    assert found["RMSE"] == pytest.approx(sk.root_mean_squared_error(VALUES, PREDICTED))
    assert found["R2"] == pytest.approx(sk.r2_score(VALUES, PREDICTED), rel=1e-9)
    assert found["bias"] == pytest.approx(np.mean(PREDICTED - VALUES))
    assert found["within the interval"] == np.mean(np.abs(PREDICTED - VALUES) <= 3)


def test_weighted_r2_is_scikit_learns():
    weights = rng.integers(0, 4, 200)
    found = regression.named_metrics(VALUES, PREDICTED, None)["R2"](weights[None].astype(float))[0]
    assert found == pytest.approx(sk.r2_score(VALUES, PREDICTED, sample_weight=weights), rel=1e-9)


def test_the_line_of_a_calibration_is_least_squares_and_its_bins_hold_every_image_once():
    found = regression.calibration(VALUES, PREDICTED)
    line = LinearRegression().fit(PREDICTED[:, None], VALUES)
    assert found["slope"] == pytest.approx(line.coef_[0])
    assert found["intercept"] == pytest.approx(line.intercept_, rel=1e-6)
    assert sum(b["n"] for b in found["bins"]) == 200
    assert all(b["low"] < b["was"] < b["high"] for b in found["bins"])
    assert regression.calibration(VALUES, np.ones(200))["slope"] is None


def test_a_predictions_interval_holds_nine_new_patients_of_ten():
    held, gen = [], np.random.default_rng(1)
    for _ in range(400):
        errors = gen.standard_t(3, 60)  # 40 validation patients and 20 new ones
        fitted = regression.fit(np.zeros(40), errors[:40], np.arange(40))
        held.append(np.mean(np.abs(errors[40:]) <= fitted["half_width"]))
    assert 0.9 <= np.mean(held) + 0.01 <= 0.935  # at least 0.9, at most 0.9 + 1/41, and the trials' own noise


def test_an_interval_counts_patients_and_needs_nine_of_them():
    errors = np.array([1.0, -5.0, 2.0, 2.0])
    fitted = regression.fit(np.zeros(4), errors, np.array([0, 0, 1, 1]))
    assert fitted == {"half_width": None, "held": 0.9, "patients": 2}
    many = regression.fit(np.zeros(18), np.repeat(np.arange(9.0), 2), np.repeat(np.arange(9), 2))
    assert (many["half_width"], many["patients"]) == (8.0, 9)


@pytest.mark.parametrize(
    "found", [[{"slope": -1, "bias": 0, "threshold": 0.5}], [], [{"slope": 1, "bias": float("nan"), "threshold": 0}]]
)
def test_a_damaged_calibration_is_refused(found):
    with pytest.raises(ValueError, match=r"slope|outputs"):
        multilabel.check(found, 1)
