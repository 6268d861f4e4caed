"""Cross-validation, ensembles, recipes: what is held out, and what is never looked at."""

import re
from dataclasses import replace

import numpy as np
import pytest

from convnet.data import cohort as cohorts
from convnet.data.cohort import mirror
from convnet.data.cohort.augment import Augmented
from convnet.data.preparation import Preparation
from convnet.evaluation.calibration import calibrate
from convnet.study import crossvalidation, ensemble, fold_lines
from convnet.study.complete import train_recipe
from convnet.study.evaluate import evaluate
from convnet.study.metadata import read_record
from convnet.study.outputs import predict_probabilities
from convnet.study.recipe import Recipe
from convnet.study.train import balance_classes, train


def blobs(n, seed=0, classes=2, size=12, per_patient=1, noise=0.15):
    """Images with a bright blob whose corner is the class, in splits; patients of `per_patient` images."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(-(-n // per_patient)) % classes, per_patient)[:n]
    x = 0.3 + noise * rng.normal(size=(n, size, size))
    half = size // 2
    for i, c in enumerate(y):
        x[i, half * (c // 2) :][:half, half * (c % 2) :][:, :half] += 0.25
    patients = [f"P{i // per_patient}" for i in range(n)]
    splits = ["train" if int(p[1:]) % 10 < 6 else "val" if int(p[1:]) % 10 < 8 else "test" for p in patients]
    return cohorts.from_arrays(
        np.clip(x, 0, 1), [f"class {c}" for c in y], splits=splits, patients=patients, classes=None
    )


QUICK = Recipe("listing", epochs=3, runs=2, flip="off", shift=0.0)


def test_every_image_of_train_and_val_is_held_out_once_and_no_patient_is_on_both_sides():
    data = blobs(200, per_patient=4)
    seen = []
    for fold in crossvalidation.folds(data, 5, seed=0):
        by_split = {s: {fold.patients[i] for i in fold.where(s)} for s in ("train", "val", "test")}
        assert not by_split["train"] & by_split["test"]
        assert not by_split["train"] & by_split["val"]
        assert not by_split["val"] & by_split["test"]
        assert set(fold.y[fold.where("val")]) == set(fold.y[fold.where("test")]) == {0, 1}
        seen += [(fold.patients[i], fold.x[i].tobytes()) for i in fold.where("test")]
    wanted = [(data.patients[i], data.x[i].tobytes()) for s in ("train", "val") for i in data.where(s)]
    assert sorted(seen) == sorted(wanted)
    assert len(set(seen)) == len(seen)


def test_cross_validation_never_looks_at_the_test_split():
    data = blobs(120)
    spoiled = data.x.copy()
    spoiled[data.where("test")] = np.nan
    a, b = (crossvalidation.run(replace(data, x=x), QUICK, k=2) for x in (data.x, spoiled))
    assert a == b
    assert a["by_share"][0]["single"]["auc"]["mean"] > 0.8
    assert len(a["rows"]) == 2
    assert len(a["rows"][0]["single"]) == 2


def test_the_learning_curve_trains_on_fewer_patients_and_is_measured_on_the_same_images():
    data = blobs(240, per_patient=2)
    (fold, *_) = crossvalidation.folds(data, 3, seed=0)
    part = crossvalidation.fewer(fold, 0.25, seed=0)
    patients = {c: [{c_.patients[i] for i in c_.where("train")} for c_ in (fold, part)] for c in ("all",)}["all"]
    assert patients[1] < patients[0]
    assert len(patients[1]) == pytest.approx(len(patients[0]) / 4, abs=1)
    np.testing.assert_array_equal(fold.split("test")[0], part.split("test")[0])
    result = crossvalidation.run(data, replace(QUICK, runs=1), k=3, shares=(0.25, 1.0))
    few, all_of_them = result["by_share"]
    assert few["cases"] < all_of_them["cases"] / 3
    assert {"gain", "low", "high", "answer"} <= set(result["more"])
    assert any("Would more cases help?" in line for line in fold_lines.lines(result))


@pytest.mark.parametrize(
    ("gains", "word"), [([0.1, 0.11, 0.09], "yes"), ([0.0, 0.001, -0.001], "hardly"), ([0.2, -0.2, 0.1], "unclear")]
)
def test_the_answer_to_more_cases_follows_from_the_interval(gains, word):
    rows = [
        {"repeat": 0, "fold": f, "share": s, "ensemble": {"auc": 0.7 + (g if s == 1 else 0)}}
        for f, g in enumerate(gains)
        for s in (0.5, 1.0)
    ]
    assert crossvalidation.more_cases(rows, (0.5, 1.0))["answer"].startswith(word)


def test_too_few_patients_for_the_folds_are_refused_in_words():
    with pytest.raises(ValueError, match="a class has 4 patients, too few for 5 folds"):
        list(crossvalidation.folds(blobs(60, per_patient=8), 5, 0))


def test_an_ensemble_is_the_mean_of_its_members_in_one_file(tmp_path):
    import convnet

    data = blobs(80)
    study = train_recipe(data, QUICK, Preparation(12), verbose=0)
    model, members = study.model.model, [member.model for member in study.members]
    x = data.split("test")[0]
    mean = np.mean([predict_probabilities(m, x) for m in members], axis=0)
    np.testing.assert_allclose(predict_probabilities(model, x), mean, atol=1e-6)
    assert np.abs(predict_probabilities(members[0], x) - mean).max() > 1e-3  # they do differ
    model.save(tmp_path / "e.safetensors")
    again = convnet.load(tmp_path / "e.safetensors")
    np.testing.assert_array_equal(predict_probabilities(again, x), predict_probabilities(model, x))
    assert again.metadata["temperature"] == model.metadata["temperature"]
    result, p = evaluate(again, data, positive="class 1")
    np.testing.assert_allclose(p, calibrate(mean, read_record(model).temperature), atol=1e-5)
    assert [m["seed"] for m in again.metadata["members"]] == [0, 1]
    assert len(result["operating_points"]) == 2


def test_members_of_different_shapes_are_no_ensemble():
    recipe = replace(QUICK, runs=1)
    models = [train_recipe(blobs(40, size=s), recipe, Preparation(12), verbose=0).model.model for s in (12, 14)]
    with pytest.raises(ValueError, match="images of one shape"):
        ensemble.join(models)


def test_what_training_records_comes_from_validation_and_not_from_test():
    data = blobs(120)
    spoiled = data.x.copy()
    spoiled[data.where("test")] = 0.5
    a, b = (train_recipe(replace(data, x=x), QUICK, Preparation(12), verbose=0).model.model for x in (data.x, spoiled))
    assert a.metadata == b.metadata
    _, y = data.split("val")
    p = calibrate(predict_probabilities(a, data.split("val")[0]), read_record(a).temperature)
    points = a.metadata["operating_points"]
    at = points["threshold"][2]
    assert points["sensitivity"][2] == np.mean(p[y == 1, 1] >= at)


def test_the_last_epoch_is_kept_where_it_is_asked_for_and_the_rate_falls_to_nothing():
    data = blobs(80)
    trained = train(data, replace(QUICK, keep="last", schedule="cosine", epochs=4), verbose=0)
    model, history = trained.model, trained.history
    assert (model.metadata["best_epoch"], len(history.epoch)) == (4, 4)
    assert model.optimizer.learning_rate == pytest.approx(0.001 * (1 + np.cos(np.pi * 3 / 4)) / 2)


def test_a_recipe_refuses_what_it_does_not_know():
    for wrong in ({"network": "vgg"}, {"keep": "worst"}, {"epochs": 0}, {"rotate": -1.0}, {"scale": float("nan")}):
        with pytest.raises(ValueError, match=f"train: {next(iter(wrong))}"):
            Recipe(**wrong)


def test_balanced_weights_give_every_class_the_same_total():
    y = np.array([0] * 30 + [1] * 10 + [2] * 5)
    weights = balance_classes(y)
    totals = [weights[c] * np.sum(y == c) for c in range(3)]
    np.testing.assert_allclose(totals, 15)


# --- mirroring


def sided(n, sides):
    """Class 0 has its blob left, class 1 right (`sides`), or above and below."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    x = 0.05 * rng.random((n, 12, 12)) + 0.3
    for i, c in enumerate(y):
        at = int(rng.integers(0, 6))
        rows, columns = (slice(at, at + 6), slice(6 * c, 6 * c + 5))
        x[i][(rows, columns) if sides else (columns, rows)] += 0.4
    return cohorts.from_arrays(x, y, splits=["train"] * (n - 4) + ["val", "val", "test", "test"])


def test_images_whose_class_is_a_side_are_not_mirrored():
    done, why = mirror.decide("auto", sided(100, sides=True))
    assert not done
    assert "resemble an image of their class most" in why
    for task, words in (("multilabel", "similar findings"), ("regression", "similar values")):
        data = sided(100, sides=True)
        y = np.eye(2)[data.y] if task == "multilabel" else data.y + np.arange(100) / 1000
        why = mirror.decide("auto", replace(data, y=y, task=task))[1]
        assert re.match(rf"\d+% of images of {words} resemble each other most", why)
    assert mirror.decide("auto", sided(100, sides=False))[0]
    assert mirror.decide("on", sided(100, sides=True))[0]
    assert not mirror.decide("off", sided(100, sides=False))[0]


@pytest.mark.parametrize(
    ("names", "done"),
    [(("kidney-left", "kidney-right"), False), (("L", "R"), False), (("bright", "slight"), True), (("0", "1"), True)],
)
def test_classes_named_after_a_side_are_known_by_their_names(names, done):
    assert mirror.decide("auto", replace(sided(60, sides=False), classes=names))[0] is done


def test_images_that_are_all_of_one_side_are_not_mirrored_and_of_two_sides_are():
    data = sided(60, sides=False)
    for sides, done in ((["L"] * 60, False), (["L", "R"] * 30, True), ([""] * 60, True), (["L"] * 59 + [""], True)):
        facts = [{"laterality": s} for s in sides]
        assert mirror.decide("auto", replace(data, facts=facts))[0] is done


# --- augmentation


@pytest.mark.parametrize(
    "change", [{"rotate": 20.0}, {"scale": 0.3}, {"elastic": 1.5}, {"intensity": 0.2}, {"shift": 2.5, "rotate": 5.0}]
)
def test_each_change_changes_images_repeats_with_its_seed_and_keeps_the_range(change):
    x = np.random.default_rng(0).random((6, 20, 20, 1), np.float32)
    before = x.copy()
    given = {"flip": False, "shift": 0.0, **change}
    a, b = (Augmented(x, seed=4, **given)[np.arange(6)] for _ in "ab")
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(x, before)
    assert a.dtype == np.float32
    assert 0 <= a.min() <= a.max() <= 1
    assert np.abs(a - x).max(axis=(1, 2, 3)).min() > 0.01  # every one
    assert not np.array_equal(a, Augmented(x, seed=5, **given)[np.arange(6)])


def centre(image):
    weight = image[..., 0] / image.sum()
    i, j = np.indices(weight.shape)
    return np.array([(weight * i).sum(), (weight * j).sum()])


def test_rotation_turns_about_the_middle_by_at_most_what_was_asked_for():
    x = np.zeros((1, 41, 41, 1), np.float32)
    x[0, 18:23, 32:37] = 1  # to the right of the middle, 14.5 pixels
    angles = []
    for seed in range(200):
        i, j = centre(Augmented(x, flip=False, shift=0, rotate=30.0, seed=seed)[np.arange(1)][0]) - 20
        assert np.hypot(i, j) == pytest.approx(14, abs=0.5)
        angles.append(np.degrees(np.arctan2(i, j)))
    assert np.abs(angles).max() < 31
    assert min(angles) < -20 < 20 < max(angles)


def test_scaling_enlarges_and_shrinks_by_at_most_what_was_asked_for():
    x = np.zeros((1, 41, 41, 1), np.float32)
    x[0, 12:29, 12:29] = 1
    grown = [
        float(Augmented(x, flip=False, shift=0, scale=0.5, seed=s)[np.arange(1)].sum() / 17**2) for s in range(100)
    ]
    assert 1 / 1.5**2 - 0.04 < min(grown) < 0.6  # an edge may lose part of a pixel
    assert 1.7 < max(grown) < 1.5**2 + 0.04


def test_elastic_displacements_have_the_size_that_was_asked_for():
    fields = Augmented(np.zeros((1, 28, 28, 1)), elastic=1.5)._fields(5, 28, 28)
    np.testing.assert_allclose(np.sqrt(np.mean(fields**2, axis=(2, 3))), 1.5)
    assert np.abs(np.diff(fields, axis=3)).max() < 1.5  # smooth: a neighbour is not displaced past the next
