"""Results per patient, study and series: equal to those computed apart, from training to the command line."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, average_precision_score, brier_score_loss, roc_auc_score

from convnet.data import cohort as cohorts
from convnet.data.preparation import Preparation
from convnet.evaluation.calibration import calibrate
from convnet.study import crossvalidation, fold_lines, model_card
from convnet.study.complete import train_recipe
from convnet.study.evaluate import evaluate
from convnet.study.groups import choose_grouping, find_groups, make_grouping
from convnet.study.metadata import ModelRecord, read_record
from convnet.study.outputs import predict_probabilities
from convnet.study.recipe import Recipe

SLICES = 8
QUICK = Recipe("listing", epochs=8, flip="off", shift=0.0, group="patient")


def series(patients=60, seed=0, size=12, some=False, studies=1):
    """Slices of patients; an ill patient's have a faint blob, all of them or (`some`) only two of the eight.

    It differs from patient to patient, and healthy ones have some of it: slices of one are not independent.
    """
    rng = np.random.default_rng(seed)
    x = 0.4 + 0.15 * rng.normal(size=(patients * SLICES, size, size))
    y, names = [], []
    for patient in range(patients):
        own = 0.06 * rng.normal()
        for slice_ in range(SLICES):
            shows = patient % 2 == 1 and (not some or slice_ in (3, 4))
            y.append("ill" if shows else "healthy")
            names.append(f"P{patient}")
            x[len(y) - 1, 3:8, 3:8] += (own + 0.1 * shows) if not some else 0.45 * shows
    splits = ["train" if int(n[1:]) % 10 < 5 else "val" if int(n[1:]) % 10 < 7 else "test" for n in names]
    whose = [f"{name}/{(i % SLICES) * studies // SLICES}" for i, name in enumerate(names)]
    return cohorts.from_arrays(
        np.clip(x, 0, 1), y, splits=splits, patients=names, classes=("healthy", "ill"), studies=whose, series=whose
    )


@pytest.fixture(scope="module")
def slices():
    return series()


@pytest.fixture(scope="module")
def study(slices):
    return train_recipe(slices, QUICK, Preparation(12), verbose=0)


def apart(model, data, split):
    """A patient's label and log-odds by numpy alone, from the images' calibrated probabilities."""
    at = data.where(split)
    p = calibrate(predict_probabilities(model, data.x[at]), read_record(model).temperature)[:, 1]
    names = np.array(data.patients)[at]
    patients = sorted(set(names))
    odds = np.array([logit(p[names == n]).mean() for n in patients])
    return np.array([data.y[at][names == n][0] for n in patients]), odds


def test_the_metrics_by_patient_are_those_computed_apart(slices, study):
    model = study.model.model
    result, _ = evaluate(model, slices, "test", positive="ill")
    of, kept = result["by_group"], read_record(model).grouping
    y, odds = apart(model, slices, "test")
    p = expit(kept.slope * odds + kept.biases[1] - kept.biases[0])
    assert (of["n"], result["n"], of["patients"]) == (18, 18 * SLICES, 18)
    assert of["auc"] == pytest.approx(roc_auc_score(y, p), rel=1e-12)
    assert of["accuracy"] == accuracy_score(y, p > 0.5)
    assert of["figures"]["brier"]["value"] == pytest.approx(brier_score_loss(y, p), rel=1e-9)
    assert of["figures"]["pr_auc"]["value"] == pytest.approx(average_precision_score(y, p), rel=1e-9)
    assert of["sensitivity"] == np.mean(p[y == 1] > 0.5)
    assert of["images_per_group"] == {"least": SLICES, "median": SLICES, "most": SLICES}
    assert of["auc"] > result["auc"] + 0.01  # eight faint slices together show more than one


def test_intervals_of_shares_by_patient_are_wilsons(slices, study):
    of = evaluate(study.model.model, slices, "test")[0]["by_group"]["figures"]["accuracy"]
    z, n, share = 1.959963984540054, 18, of["value"]
    centre, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    wanted = np.array([centre - half, centre + half]) / (1 + z**2 / n)
    np.testing.assert_allclose([of["low"], of["high"]], np.clip(wanted, 0, 1), rtol=1e-6)


def test_the_groups_calibration_is_fitted_on_validation_groups_alone(slices, study):
    model = study.model.model
    kept = read_record(model).grouping
    y, odds = apart(model, slices, "val")
    assert kept.groups == len(y) == 12
    n = np.bincount(y)
    targets = np.where(y == 1, (n[1] + 1) / (n[1] + 2), 1 / (n[0] + 2))  # Platt's, by their own formula
    rows, labels = np.repeat(odds, 2)[:, None], np.tile([1, 0], len(y))
    weights = np.stack([targets, 1 - targets], 1).reshape(-1)
    scale = rows.std()
    other = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000).fit(rows / scale, labels, sample_weight=weights)
    assert kept.slope == pytest.approx(other.coef_[0, 0] / scale, rel=1e-3)
    assert kept.biases[1] - kept.biases[0] == pytest.approx(other.intercept_[0], rel=1e-3)


def test_images_have_the_same_metrics_with_and_without_a_grouping(slices, study):
    model = study.model.model
    joined, p = evaluate(model, slices, "test")
    alone = study.model.model
    before = alone.metadata
    alone.metadata = replace(read_record(alone), grouping=None).to_plain()
    single, q = evaluate(alone, slices, "test")
    alone.metadata = before
    np.testing.assert_array_equal(p, q)
    assert {k: v for k, v in joined.items() if k != "by_group"} == single


def test_one_slice_of_a_finding_makes_the_patient_ill_by_max():
    data = series(some=True)
    recipe = replace(QUICK, aggregate="max", finding="ill")
    model = train_recipe(data, recipe, Preparation(12), verbose=0).model.model
    result, p = evaluate(model, data, "test", positive="ill")
    of, at = result["by_group"], data.where("test")
    names = np.array(data.patients)[at]
    patients = sorted(set(names))
    y = [int((data.y[at][names == n] == 1).any()) for n in patients]
    assert np.sum(of["confusion"], axis=1).tolist() == [y.count(0), y.count(1)]
    assert of["auc"] == pytest.approx(roc_auc_score(y, [p[names == n, 1].max() for n in patients]))
    with pytest.raises(ValueError, match="images of different classes") as refused:
        train_recipe(data, QUICK, Preparation(12), verbose=0)
    one, other = (
        data.paths.index(name) for name in str(refused.value).rpartition("between ")[2].split(";")[0].split(" and ")
    )
    assert data.patients[one] == data.patients[other]
    assert data.y[one] != data.y[other]


def test_studies_of_a_patient_are_results_of_their_own_drawn_by_patient():
    data = series(studies=2)
    model = train_recipe(data, replace(QUICK, group="study"), Preparation(12), verbose=0).model.model
    of = evaluate(model, data, "test")[0]["by_group"]
    assert (of["level"], of["n"], of["patients"]) == ("study", 36, 18)


def test_an_ensemble_has_a_grouping_of_its_own(slices):
    study = train_recipe(slices, replace(QUICK, runs=2), Preparation(12), verbose=0)
    slopes = {read_record(m.model).grouping.slope for m in (study.model, *study.members)}
    assert len(slopes) == 3


def test_cross_validation_holds_out_every_patient_once(slices):
    result = crossvalidation.run(slices, QUICK, k=3)
    (of,) = result["by_share"]
    (one,) = of["by_group"]["together"]
    assert one["groups"] == 42  # of train and val
    assert [row["by_group"]["groups"] for row in result["rows"]] == [14, 14, 14]
    assert one["auc"]["value"] > of["together"][0]["auc"]["value"]
    assert any("by patient, all 42 held out together" in line for line in fold_lines.lines(result))


def test_the_card_shows_images_and_patients_beside_each_other(slices, study):
    from convnet import model_file

    model = study.model.model
    card = model_card.make_card(model, slices, model_file.to_bytes(model), study.model.outputs)
    assert card["validation"]["n"] == 96
    assert card["validation"]["by_group"]["n"] == 12
    page = model_card.page(card)
    assert "by image (n 96)" in page
    assert "by patient (n 12)" in page
    json.dumps(card, allow_nan=False)


def test_a_patient_that_lacks_an_image_is_counted_and_so_is_one_without_any(slices, study):
    at = slices.where("test")
    name = slices.patients[at[0]]
    lost = [
        cohorts.Skipped("a.dcm", "damaged", {"patient": name}),
        cohorts.Skipped("b.dcm", "damaged", {"patient": "another"}),
        cohorts.Skipped("c.dcm", "damaged"),
    ]
    result, _ = evaluate(study.model.model, replace(slices, skipped=lost), "test")
    of = result["by_group"]
    assert of["incomplete"] == {"groups": 1, "images": 1}
    assert (of["lost"], of["unassigned"]) == (1, 1)
    from convnet.evaluation.side_by_side import lines

    text = "\n".join(lines(result))
    assert "1 of the patients lack images (1 in all could not be used)" in text
    assert "patients without any usable image, so without a result in these metrics: 1" in text
    assert "1 image of an unknown patient could not be read" in text


def test_images_of_an_unknown_group_are_refused_with_what_to_do(slices):
    data = replace(slices, patients=["", *slices.patients[1:]], series=[])
    with pytest.raises(ValueError, match=r"--group patient: 1 of 480 images state no patient: give --patient-column"):
        find_groups(data, np.arange(len(data.y)), "patient")
    with pytest.raises(ValueError, match=r"--group series: 480 of 480 images state no series"):
        find_groups(data, np.arange(len(data.y)), "series")
    with pytest.raises(ValueError, match="--group patient: 1 of"):
        train_recipe(data, QUICK, Preparation(12), verbose=0)


def test_options_that_do_not_fit_are_refused():
    two = ("healthy", "ill")
    assert make_grouping("patient", "max", "", two).finding == 1
    assert make_grouping("patient", "max", "healthy", two).finding == 0
    assert make_grouping("none", "mean-log-odds", "", two) is None
    for arguments, text in (
        (("none", "max", ""), "--aggregate and --finding go with --group"),
        (("patient", "mean-log-odds", "ill"), "--finding 'ill' goes with two classes and --aggregate max or top-K"),
        (("patient", "max", "sick"), "choose one of the classes: healthy, ill"),
    ):
        with pytest.raises(ValueError, match=text):
            make_grouping(*arguments, two)
    with pytest.raises(ValueError, match="--finding 'a' goes with two classes"):
        make_grouping("patient", "max", "a", ("a", "b", "c"))


def test_a_rule_that_is_not_the_models_own_has_no_calibration(study):
    record = read_record(study.model.model)
    assert choose_grouping(record, None, None, None) is record.grouping
    assert choose_grouping(record, "none", None, None) is None
    assert choose_grouping(record, "patient", "mean-log-odds", None) is record.grouping
    other = choose_grouping(record, None, "top-3", "ill")
    assert (other.level, other.aggregate, other.finding, other.calibrated) == ("patient", "top-3", 1, False)
    assert choose_grouping(ModelRecord(classes=("a", "b")), "series", None, None).level == "series"
