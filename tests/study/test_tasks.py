"""Findings, grades and measurements from training to a result: learned, measured, kept in the file, and told."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, mean_absolute_error, r2_score, roc_auc_score

from convnet import model_file
from convnet.data import cohort as cohorts
from convnet.data.preparation import Preparation
from convnet.diagnosis.diagnose import diagnose, lines
from convnet.model import load
from convnet.study import crossvalidation, fold_lines, model_card
from convnet.study.complete import train_recipe
from convnet.study.evaluate import evaluate
from convnet.study.metadata import read_record
from convnet.study.recipe import Recipe
from convnet.study.tasks import TASKS

KINDS = ("multilabel", "ordinal", "regression")
QUICK = Recipe("listing", epochs=12, flip="off", shift=0.0, dropout=0.0)


def images(task, n=240, size=12, seed=0, noise=0.08):
    """Blobs: two corners that are bright or not (findings), or one whose brightness is the grade or the value."""
    rng = np.random.default_rng(seed)
    x = 0.3 + noise * rng.normal(size=(n, size, size))
    if task == "multilabel":
        y = rng.integers(0, 2, (n, 2))
        x[:, 2:6, 2:6] += 0.3 * y[:, 0, None, None]
        x[:, 7:11, 7:11] += 0.3 * y[:, 1, None, None]
        cells = ["|".join(name for name, v in zip(("mass", "nodule"), row, strict=True) if v) or "none" for row in y]
    else:
        y = rng.integers(0, 4, n) if task == "ordinal" else rng.uniform(50, 90, n)
        bright = y / 3 if task == "ordinal" else (y - 50) / 40
        x[:, 3:9, 3:9] += 0.5 * bright[:, None, None]
        cells = [str(v) for v in y.tolist()]
    splits = ["train" if i % 10 < 6 else "val" if i % 10 < 8 else "test" for i in range(n)]
    patients = [f"P{i // 20}.{splits[i]}" if i % 2 else f"Q{i}" for i in range(n)]
    return cohorts.from_arrays(np.clip(x, 0, 1), cells, splits=splits, patients=patients, task=task)


@pytest.fixture(scope="module")
def studies():
    found = {}
    for task in KINDS:
        data = images(task)
        found[task] = (data, train_recipe(data, QUICK, Preparation(12), verbose=0))
    return found


def test_findings_are_learned_each_by_itself(studies):
    data, study = studies["multilabel"]
    result, p = evaluate(study.model.model, data, "test")
    y = data.y[data.where("test")]
    assert result["figures"]["auc"]["value"] == pytest.approx(roc_auc_score(y, p, average="macro"))
    assert result["figures"]["auc"]["value"] > 0.95
    assert set(result["findings"]) == {"mass", "nodule"}
    assert (p.sum(axis=1) > 1.2).any()  # both may be there: probabilities do not share one


def test_grades_are_learned_in_their_order(studies):
    data, study = studies["ordinal"]
    result, p = evaluate(study.model.model, data, "test")
    y = data.y[data.where("test")]
    predicted = (p > 0.5).sum(axis=1)
    wanted = cohen_kappa_score(y, predicted, weights="quadratic")
    assert result["figures"]["quadratic weighted kappa"]["value"] == pytest.approx(wanted)
    assert wanted > 0.9
    assert study.model.model.training_graph().output.sample_shape == (3,)  # steps between four grades
    assert read_record(study.model.model).runs[0].chosen_by == "val_kappa"


def test_measurements_are_learned_in_their_own_unit(studies):
    data, study = studies["regression"]
    model = study.model.model
    result, p = evaluate(model, data, "test")
    at = data.where("test")
    y = data.y[at]
    assert result["figures"]["MAE"]["value"] == pytest.approx(mean_absolute_error(y, p))
    assert result["figures"]["R2"]["value"] == pytest.approx(r2_score(y, p), rel=1e-6)
    assert r2_score(y, p) > 0.9
    np.testing.assert_allclose(model.predict(data.x[at], verbose=0)[:, 0], p, rtol=1e-6)  # the network's own output
    np.testing.assert_allclose(
        study.model.outputs[:, 0], model.predict(data.split("val")[0], verbose=0)[:, 0], rtol=1e-4
    )
    assert 0.75 <= result["figures"]["within the interval"]["value"] <= 1


@pytest.mark.parametrize("task", KINDS)
def test_a_model_file_keeps_its_task_and_gives_the_same_metrics(task, studies, tmp_path):
    data, study = studies[task]
    study.model.model.save(tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    assert read_record(again) == read_record(study.model.model)
    assert read_record(again).task == task
    first, second = (evaluate(m, data, "test")[0] for m in (study.model.model, again))
    assert first == second
    json.dumps(first, allow_nan=False)
    assert TASKS[task].lines(first)


@pytest.mark.parametrize("task", KINDS)
def test_the_card_shows_what_the_task_measures(task, studies):
    data, study = studies[task]
    model = study.model.model
    card = model_card.make_card(model, data, model_file.to_bytes(model), study.model.outputs)
    json.dumps(card, allow_nan=False)
    page = model_card.page(card)
    assert f"task {task}" in page
    for name in card["validation"]["figures"]:
        assert name.replace("'", "&#x27;") in page
    wanted = {"multilabel": "Each finding", "ordinal": "Confusion matrix", "regression": "Interval of a prediction"}
    assert wanted[task] in page


@pytest.mark.parametrize("task", KINDS)
def test_an_ensemble_is_the_mean_of_its_members(task, studies):
    data, _ = studies[task]
    study = train_recipe(data, replace(QUICK, epochs=3, runs=2), Preparation(12), verbose=0)
    x, _ = data.split("test")
    outputs = [TASKS[task].read(m.model.predict(x, verbose=0)) for m in study.members]
    joined = TASKS[task].read(study.model.model.predict(x, verbose=0), 2)
    if task == "ordinal":  # levelled after the mean
        outputs = [m.model.predict(x, verbose=0).astype(float) for m in study.members]
        np.testing.assert_allclose(joined, np.minimum.accumulate(np.mean(outputs, axis=0), axis=1), rtol=1e-5)
    else:
        np.testing.assert_allclose(joined, np.mean(outputs, axis=0), rtol=1e-5)
    assert evaluate(study.model.model, data, "test")[0]["n"] == len(x)


@pytest.mark.parametrize("task", KINDS)
def test_cross_validation_measures_every_task(task, studies):
    data, _ = studies[task]
    result = crossvalidation.run(data, replace(QUICK, epochs=4), k=2)
    names = {"multilabel": {"auc", "accuracy"}, "ordinal": {"kappa", "MAE"}, "regression": {"MAE", "R2"}}[task]
    (of,) = result["by_share"]
    assert set(of["single"]) == set(of["together"][0]) == names
    assert result["task"] == task
    assert fold_lines.lines(result)
    assert all(fold_lines.line(row) for row in result["rows"])
    json.dumps(result, allow_nan=False)


@pytest.mark.parametrize("task", KINDS)
def test_diagnosis_tells_what_the_task_gives(task, studies, tmp_path):
    data, study = studies[task]
    model = study.model.model
    model.metadata = {k: v for k, v in model.metadata.items() if k != "scope"}  # single images, as they are
    folder = tmp_path / "one"
    at = data.where("test")[:3]
    from convnet.data.cohort.write import new_image, save

    paths = []
    for i in at:
        pixels = np.rint(data.x[i, ..., 0] * 255).astype(np.uint8)
        paths.append(folder / f"{i}.dcm")
        save(new_image("1.2.840.10008.5.1.4.1.1.7", pixels, "P", str(i), "OT"), paths[-1])
    result = diagnose(model, paths)
    for one, i in zip(result["images"], at, strict=True):
        if task == "multilabel":
            assert set(one["probabilities"]) == {"mass", "nodule"}
            shown = [name for name, v in zip(("mass", "nodule"), data.y[i], strict=True) if v]
            assert one["label"] == ("|".join(shown) or "no finding")
        elif task == "ordinal":
            assert sum(one["probabilities"].values()) == pytest.approx(1)
            assert abs(int(one["label"]) - data.y[i]) <= 1
        else:
            assert one["probabilities"] is None
            low, high = one["interval"]
            assert low < one["value"] < high
            assert float(one["label"]) == pytest.approx(one["value"], rel=1e-3)
    assert result["calibrated"]
    assert len(lines(result)) == 4  # what was not checked is said once


def test_what_a_task_cannot_have_is_refused_by_name(studies):
    data, study = studies["multilabel"]
    for changes, text in (
        ({"network": "formula"}, "the network formula is for --task classes"),
        ({"class_weight": "balanced"}, "--class-weight balanced is for one class an image"),
    ):
        with pytest.raises(ValueError, match=text):
            train_recipe(data, replace(QUICK, **changes), Preparation(12), verbose=0)
    with pytest.raises(ValueError, match="--positive names one of two classes"):
        evaluate(study.model.model, data, "test", positive="mass")
    y = data.y.copy()
    y[:, 1] = 0
    with pytest.raises(ValueError, match="has no image with the finding 'nodule'"):
        train_recipe(replace(data, y=y), QUICK, Preparation(12), verbose=0)
    values, _ = studies["regression"]
    with pytest.raises(ValueError, match="the training values are all 7"):
        train_recipe(replace(values, y=np.full(len(values.y), 7.0)), QUICK, Preparation(12), verbose=0)
