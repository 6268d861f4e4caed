"""Patients' findings, grades and measurements: joined by the same rules, calibrated on validation, and told."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import cohen_kappa_score, mean_absolute_error, roc_auc_score

from convnet import model_file
from convnet.data.preparation import Preparation
from convnet.diagnosis.group_result import join_results
from convnet.diagnosis.result import Result
from convnet.evaluation import multilabel
from convnet.model import load
from convnet.study import crossvalidation, fold_lines, model_card
from convnet.study.complete import train_recipe
from convnet.study.evaluate import evaluate
from convnet.study.metadata import read_record
from convnet.study.tasks import TASKS
from tests.study.test_tasks import KINDS, QUICK, images

FOUR = 4  # images of a patient


def patients(task):
    """The tasks' images, four in a row a patient, all with the label of the first."""
    data = images(task, n=480)
    names = [f"P{i // FOUR}" for i in range(480)]
    first = np.arange(480) // FOUR * FOUR
    splits = ["train" if i // FOUR % 10 < 5 else "val" if i // FOUR % 10 < 8 else "test" for i in range(480)]
    x = np.clip(data.x[first] + 0.05 * np.random.default_rng(1).normal(size=data.x.shape), 0, 1).astype(np.float32)
    return replace(data, x=x, y=data.y[first], patients=names, owners=names, splits=splits)


@pytest.fixture(scope="module")
def studies():
    recipe = replace(QUICK, group="patient", aggregate="top-2")
    return {task: (data := patients(task), train_recipe(data, recipe, Preparation(12), verbose=0)) for task in KINDS}


@pytest.mark.parametrize("task", KINDS)
def test_the_metrics_by_patient_are_those_computed_apart(task, studies):
    data, study = studies[task]
    result, p = evaluate(study.model.model, data, "test")
    of, at, rule = result["by_group"], data.where("test"), read_record(study.model.model).grouping
    names = np.array(data.patients)[at]
    rows = [np.flatnonzero(names == n) for n in sorted(set(names))]
    y = np.array([data.y[at][r[0]] for r in rows])
    assert (of["n"], of["patients"], result["n"]) == (24, 24, 96)
    if task == "regression":
        top = np.array([np.sort(p[r])[-2:].mean() for r in rows])
        assert of["figures"]["MAE"]["value"] == pytest.approx(mean_absolute_error(y, top))
        return
    top = np.stack([expit(np.sort(logit(p[r]), axis=0)[-2:].mean(axis=0)) for r in rows])
    q = multilabel.calibrate(top, rule.fitted)
    if task == "multilabel":
        assert of["figures"]["auc"]["value"] == pytest.approx(roc_auc_score(y, q, average="macro"))
        assert of["findings"]["mass"]["figures"]["brier"]["value"] == pytest.approx(np.mean((q[:, 0] - y[:, 0]) ** 2))
    else:
        grades = (np.minimum.accumulate(q, axis=1) > 0.5).sum(axis=1)
        wanted = cohen_kappa_score(y, grades, weights="quadratic")
        assert of["figures"]["quadratic weighted kappa"]["value"] == pytest.approx(wanted)


@pytest.mark.parametrize("task", KINDS)
def test_the_calibration_of_patients_is_of_validation_patients_and_in_the_file(task, studies, tmp_path):
    _, study = studies[task]
    study.model.model.save(tmp_path / "m.safetensors")
    kept = read_record(load(tmp_path / "m.safetensors"))
    assert kept.grouping == read_record(study.model.model).grouping
    assert kept.grouping.groups == 36
    assert kept.grouping.fitted != kept.calibration
    damaged = {**study.model.model.metadata, "grouping": {**kept.grouping.to_plain(), "fitted": [{"slope": -1}]}}
    model = load(tmp_path / "m.safetensors")
    model.metadata = damaged
    with pytest.raises(ValueError, match="grouping cannot be used"):
        read_record(model)


@pytest.mark.parametrize("task", KINDS)
def test_terminal_card_and_cross_validation_show_images_and_patients(task, studies):
    data, study = studies[task]
    model = study.model.model
    text = "\n".join(TASKS[task].lines(evaluate(model, data, "test")[0]))
    assert "by image (n 96)" in text
    assert "by patient (n 24)" in text
    card = model_card.make_card(model, data, model_file.to_bytes(model), study.model.outputs)
    assert "by patient (n 36)" in model_card.page(card)
    recipe = replace(QUICK, epochs=3, group="patient")
    result = crossvalidation.run(data, recipe, k=2)
    assert result["by_share"][0]["by_group"]["together"][0]["groups"] == 96
    assert any("by patient" in line for line in fold_lines.lines(result))


@pytest.mark.parametrize("task", KINDS)
def test_a_diagnosis_joins_what_it_told_of_the_images(task, studies):
    data, study = studies[task]
    record, kind = read_record(study.model.model), TASKS[task]
    _, p = evaluate(study.model.model, data, "test")
    told = [Result(f"{i}", 0, "", group="P", **kind.tell(p[i], record)) for i in range(FOUR)]
    (group,) = join_results(told, [], record)
    wanted = kind.calibrate_groups(kind.join(p[:FOUR], np.zeros(FOUR, int), record.grouping), record, record.grouping)
    expected = kind.tell_group(wanted[0], record, record.grouping)
    assert group.label == expected["label"]
    if task == "regression":
        assert group.value == pytest.approx(expected["value"])
        assert group.interval == pytest.approx(expected["interval"])
    else:
        assert group.probabilities == pytest.approx(expected["probabilities"], abs=1e-9)


def test_a_patient_has_the_findings_of_every_image_and_the_highest_grade():
    from convnet.evaluation.grouping import Grouping

    of = np.array([0, 0, 1])
    top = Grouping("patient", "max")
    y = np.array([[1, 0], [0, 1], [0, 0]])
    assert TASKS["multilabel"].join_labels(y, of, top, ("a", "b")).tolist() == [[1, 1], [0, 0]]
    assert TASKS["ordinal"].join_labels(np.array([1, 3, 2]), of, top, ()).tolist() == [3, 2]
    assert TASKS["regression"].join_labels(np.array([1.0, 4.0, 2.0]), of, top, ()).tolist() == [4.0, 2.0]
    mean = Grouping("patient")
    assert TASKS["regression"].join_labels(np.array([1.0, 4.0, 2.0]), of, mean, ()).tolist() == [2.5, 2.0]
    with pytest.raises(ValueError, match="images of different classes"):
        TASKS["multilabel"].join_labels(y, of, mean, ("a", "b"))


@pytest.mark.parametrize("task", KINDS)
def test_every_task_learns_by_smoothed_and_mixed_targets(task):
    data = images(task)
    choices = {"mixup": 0.2, "average": 0.9, "label_smoothing": 0.0 if task == "regression" else 0.1}
    model = train_recipe(data, replace(QUICK, epochs=12, **choices), Preparation(12), verbose=0).model.model
    figures = evaluate(model, data, "test")[0]["figures"]
    name, least = {"multilabel": ("auc", 0.9), "ordinal": ("auc", 0.9), "regression": ("R2", 0.5)}[task]
    assert figures[name]["value"] > least
    if task == "regression":
        with pytest.raises(ValueError, match="--label-smoothing"):
            train_recipe(data, replace(QUICK, label_smoothing=0.1), Preparation(12), verbose=0)
