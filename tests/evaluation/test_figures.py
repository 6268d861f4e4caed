"""Figures with weights, their intervals by patient, calibration and operating points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from convnet.evaluation import calibration, intervals, paired, report, threshold


def study(seed, n=60, classes=2, values=9):
    """Labels with every class, and probabilities with many ties."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)])
    p = rng.integers(1, values, (n, classes)) + 3.0 * (rng.random((n, classes)) < 0.5) * np.eye(classes)[y]
    return rng, y, p / p.sum(axis=1, keepdims=True)


@given(st.integers(0, 2**16))
def test_weighted_figures_are_those_of_scikit_learn(seed):
    rng, y, p = study(seed)
    w = rng.integers(0, 4, len(y)).astype(float)
    w[:2] = 1  # both classes
    found = {name: float(figure(w[None])[0]) for name, figure in intervals.figures(y, p).items()}
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y, p[:, 1], sample_weight=w))
    assert found["pr_auc"] == pytest.approx(metrics.average_precision_score(y, p[:, 1], sample_weight=w))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(y, p.argmax(1), sample_weight=w))
    brier = float(intervals.mean(calibration.brier(y, p))(w[None])[0])
    assert brier == pytest.approx(metrics.brier_score_loss(y, p[:, 1], sample_weight=w))


@given(st.integers(0, 2**16), st.sampled_from([0, 1]))
def test_operating_figures_are_those_of_the_table_of_four(seed, one):
    _, y, p = study(seed)
    (point,) = report.operating_points(y, p, one, None, None)
    found = {name: float(f(np.ones((1, len(y))))[0]) for name, f in point["figures"].items()}
    called = p.argmax(1) == one
    tn, fp, fn, tp = metrics.confusion_matrix(y == one, called, labels=[False, True]).ravel()
    wanted = {"sensitivity": (tp, fn), "specificity": (tn, fp), "PPV": (tp, fp), "NPV": (tn, fn)}
    for name, (hits, misses) in wanted.items():
        assert found[name] == pytest.approx(hits / (hits + misses) if hits + misses else np.nan, nan_ok=True), name


def test_many_classes_have_the_mean_of_one_against_the_rest():
    _, y, p = study(3, 90, classes=4)
    found = {name: float(f(np.ones((1, 90)))[0]) for name, f in intervals.figures(y, p).items()}
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y, p, multi_class="ovr", average="macro"))
    assert found["pr_auc"] == pytest.approx(metrics.average_precision_score(np.eye(4)[y], p, average="macro"))


def test_an_interval_covers_the_truth_nineteen_times_in_twenty_where_patients_have_many_images(monkeypatch):
    """Accuracy over 60 patients of 1 to 9 images, all of a patient right or wrong together: the truth is 0.8."""
    monkeypatch.setattr(intervals, "RESAMPLES", 400)
    rng, covered, too_narrow = np.random.default_rng(0), [], []
    for _ in range(150):
        groups = np.repeat(np.arange(60), rng.integers(1, 10, 60))
        right = (rng.random(60) < 0.8)[groups]
        figure = {"accuracy": intervals.Share(right)}
        for of, found in ((groups, covered), (np.arange(len(groups)), too_narrow)):
            i = intervals.intervals(figure, of)["accuracy"]
            found.append(i["low"] <= 0.8 <= i["high"])
    assert np.mean(covered) > 0.95 - 4 * np.sqrt(0.05 * 0.95 / 150)
    assert np.mean(too_narrow) < 0.85  # what images in the place of patients would have claimed


def test_there_is_no_interval_where_the_resamples_cannot_tell():
    y = np.array([0, 0, 0, 1])
    p = np.stack([1 - y, y], 1) * 0.8 + 0.1
    found = intervals.intervals(intervals.figures(y, p), np.arange(4))
    from scipy.stats import binomtest

    exact = binomtest(4, 4).proportion_ci(method="exact")  # all right: the resamples are as well
    assert found["accuracy"] == pytest.approx({"value": 1.0, "low": exact.low, "high": 1.0})
    none = intervals.intervals({"none": intervals.Share(y == 5)}, np.array([0, 0, 1, 2]))["none"]
    assert none == pytest.approx({"value": 0.0, "low": 0.0, "high": binomtest(0, 3).proportion_ci(method="exact").high})
    assert found["auc"]["low"] is None  # the one yes is missing from a third of the resamples
    assert intervals.shown(found["auc"]) == "1.000 (no interval)"
    assert intervals.intervals({"none": intervals.Share(y == 1, y == 5)}, np.arange(4))["none"]["value"] is None


def test_intervals_repeat_and_do_not_depend_on_how_many_are_computed_at_once(monkeypatch):
    _, y, p = study(5)
    groups = np.arange(60) // 3
    first = intervals.intervals(intervals.figures(y, p), groups)
    assert first == intervals.intervals(intervals.figures(y, p), groups)
    monkeypatch.setattr(intervals, "AT_ONCE", 60 * 7)
    assert intervals.intervals(intervals.figures(y, p), groups) == first


@pytest.mark.parametrize(("T", "classes"), [(0.5, 2), (1.0, 3), (2.5, 2), (4.0, 5)])
def test_the_temperature_that_spoiled_probabilities_is_found(T, classes):
    rng = np.random.default_rng(2)
    z = 3 * rng.normal(size=(20_000, classes))
    true = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    y = (true.cumsum(1) > rng.random((20_000, 1))).argmax(1)
    spoiled = true**T / (true**T).sum(1, keepdims=True)  # sharper by T: softmax(T z)
    assert calibration.temperature(y, spoiled) == pytest.approx(T, rel=0.05)
    before, after = calibration.reliability(y, spoiled)["ece"], calibration.reliability(y, true)["ece"]
    assert after < 0.02
    assert T == 1 or before > 3 * after


def test_twenty_images_that_are_all_ranked_rightly_do_not_make_certainty():
    y = np.arange(20) % 2
    p = np.where(np.eye(2)[y] == 1, 0.99, 0.01)
    T = calibration.temperature(y, p)
    largest = 1 / (1 + (0.01 / 0.99) ** (1 / T))
    assert largest == pytest.approx(11 / 12, abs=1e-4)  # Platt's target for ten images


def test_reliability_of_a_table_made_by_hand():
    p1 = np.array([0.05, 0.05, 0.35, 0.35, 0.95, 1.0])
    y = np.array([0, 1, 0, 0, 1, 1])
    found = calibration.reliability(y, np.stack([1 - p1, p1], 1))
    assert [(b["n"], b["was"]) for b in found["bins"]] == [(2, 0.5), (2, 0.0), (2, 1.0)]
    assert found["ece"] == pytest.approx((2 * 0.45 + 2 * 0.35 + 2 * 0.025) / 6)
    other = calibration.reliability(y, np.stack([1 - p1, p1], 1), one=0)
    assert other["ece"] == pytest.approx(found["ece"])
    three = calibration.reliability(np.array([0, 2]), np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]]))
    assert [(b["said"], b["was"]) for b in three["bins"]] == [(0.6, 0.0), (0.7, 1.0)]


@given(st.integers(0, 2**16), st.sampled_from([0, 1]), st.sampled_from([0.5, 0.8, 0.95, 1.0]))
def test_a_threshold_is_the_best_that_reaches_the_sensitivity_asked_for_on_validation(seed, one, least):
    _, y, p = study(seed)

    def both(t):
        called = threshold.called(p, one, t)
        return called[y == one].mean(), (~called[y != one]).mean()

    points = threshold.curve(y, p)
    every = [both(t) for t in [2.0, *np.unique(p[:, 1])]]
    t, rule = threshold.choose(points, one, least)
    sensitivity, specificity = both(t)
    assert sensitivity >= least
    assert str(least if least < 1 else 1) in rule
    assert specificity == pytest.approx(max(spec for sens, spec in every if sens >= least))
    youden = sum(both(threshold.choose(points, one)[0]))
    assert youden == pytest.approx(max(map(sum, every)))


def test_a_damaged_curve_of_operating_points_is_refused():
    _, y, p = study(0)
    good = threshold.curve(y, p)
    assert threshold.check(good) == good
    assert threshold.check(None) is None
    for bad in ({}, {**good, "threshold": good["threshold"][1:]}, {**good, "sensitivity": ["x"]}, [1], "x"):
        with pytest.raises(ValueError, match="operating points are damaged"):
            threshold.check(bad)


def test_a_report_breaks_its_figures_down_and_names_no_subgroup_of_a_handful():
    _, y, p = study(1, 40)
    sex = ["F"] * 25 + ["M"] * 12 + [""] * 3
    found = report.report(y, p, ("a", "b"), groups=np.arange(40), facts={"sex": sex, "age": ["40-49"] * 40})
    assert list(found["subgroups"]) == ["sex"]  # all of one age: nothing to compare
    female = found["subgroups"]["sex"]["F"]
    assert (female["n"], female["patients"]) == (25, 25)
    assert female["figures"]["accuracy"]["value"] == np.mean(p[:25].argmax(1) == y[:25])
    assert "figures" not in found["subgroups"]["sex"]["not stated"]


def test_paired_differences_are_narrower_than_the_figures_and_zero_for_one_model():
    rng, y, p = study(4, 200)
    near = np.clip(p + 0.02 * rng.normal(size=p.shape), 0.01, None)
    near /= near.sum(1, keepdims=True)
    found = paired.paired(y, p, near, ("a", "b"), np.arange(200))
    width = {k: found[k]["auc"]["high"] - found[k]["auc"]["low"] for k in ("first", "difference")}
    assert width["difference"] < width["first"] / 2
    assert found["delong"]["b"]["difference"] == pytest.approx(found["difference"]["auc"]["value"])
    same = paired.paired(y, p, p, ("a", "b"), np.arange(200))
    assert same["difference"]["auc"] == {"value": 0.0, "low": None, "high": None}
    assert "nothing to test" in " ".join(paired.lines(same))
