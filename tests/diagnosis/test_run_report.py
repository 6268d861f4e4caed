"""The report of a run and the model card: what they show, that they stand alone, and that they fit any screen."""

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from convnet.data import cohort
from convnet.diagnosis.examples import Measured, balanced
from convnet.diagnosis.run_report import page
from convnet.evaluation import metrics
from convnet.model import load
from convnet.study import evidence, model_card
from convnet.study.evaluate import evaluate
from convnet.study.outputs import predict_outputs
from tests.explain import browser


@pytest.fixture(scope="module")
def data(phantom):
    return cohort.load_folder(phantom, phantom / "labels.csv", size=28)


def measured(model, data, split="test"):
    result, p = evaluate(model, data, split, evidence.name_positive(model))
    return Measured(model, data, split, result, p)


@pytest.fixture(scope="module")
def report(model_file, data):
    run = measured(load(model_file), data)
    return run, page(run)


def test_it_stands_alone(report):
    _, html = report
    assert not re.search(r"<script|https?:|<link|src=\"(?!data:)|url\(", html)
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


def test_it_shows_data_training_figures_and_examples_in_this_order(report):
    run, html = report
    places = [html.index(f'<h2 id="{name}">') for name in ("data", "training", "figures", "examples")]
    assert places == sorted(places)
    for words in ("Sample images of train", "ROC curve", "Precision against recall", "Operating points", "Calibration"):
        assert words in html
    assert f"{run.result['figures']['accuracy']['value']:.3f}" in html


def test_examples_right_and_wrong_are_those_of_the_result(report):
    run, html = report
    wrong = int(sum(map(sum, run.result["confusion"])) - np.trace(run.result["confusion"]))
    right = run.result["n"] - wrong
    assert f"<h3>Wrong{f', {min(wrong, 6)} of {wrong}' if wrong else ': none'}</h3>" in html
    assert f"<h3>Right, {min(right, 6)} of {right}</h3>" in html
    at, predicted = run.cohort.where("test"), run.p.argmax(axis=1)
    shown = re.findall(r"<figcaption>(\S+): (\w+), predicted (\w+) \(([\d.]+)\)", html)
    assert len(shown) == min(wrong, 6) + min(right, 6)
    of = {run.cohort.paths[i]: n for n, i in enumerate(at)}
    for path, truth, said, sure in shown:
        n = of[path]
        assert run.cohort.classes[run.cohort.y[at[n]]] == truth
        assert run.cohort.classes[predicted[n]] == said
        assert f"{run.p[n].max():.3f}" == sure
    assert html.count("Grad-CAM of '") + html.count("Grad-CAM of &#x27;") == len(shown)


def test_classes_take_turns_among_examples():
    y = np.array([0, 0, 0, 0, 0, 0, 0, 1, 2])
    assert balanced(np.arange(9), y) == [0, 7, 8, 1, 2, 3]
    assert balanced(np.array([], int), y) == []


def test_a_model_that_answers_one_class_only_is_called_useless_in_report_card_and_limits(model_file, data):
    model = load(model_file)
    *_, bias = weights = model.get_weights()
    bias[...] = [50, -50]
    model.set_weights(weights)
    model.metadata.pop("operating_points", None)
    run = measured(model, data)
    assert metrics.only_answer(run.result) == data.classes[0]
    said = f"The model answers '{data.classes[0]}' for every one of the {run.result['n']} images"
    assert said in unescape(evidence.verdicts(run.result)[0])
    assert page(run).index("verdict bad") < page(run).index("Data</h2>")
    card = model_card.make_card(model, data, b"", predict_outputs(model, data.split("val")[0]))
    assert card["limits"][0].startswith(f"The model answers '{data.classes[0]}' for every one of")
    assert "verdict bad" in model_card.page(card)


def test_two_classes_among_the_answers_are_no_verdict(report):
    run, _ = report
    assert metrics.only_answer(run.result) is None
    assert evidence.verdicts(run.result) == []
    assert metrics.only_answer({"n": 4}) is None


def test_the_card_shows_curves_operating_points_and_samples(model_file, data):
    model = load(model_file)
    outputs = predict_outputs(model, data.split("val")[0])
    card = model_card.make_card(model, data, b"", outputs)
    html = model_card.page(card, model_card.draw_evidence(model, data, card, outputs))
    for words in ("ROC curve", "Operating points for", "Sample images of train", "Precision against recall"):
        assert words in html
    assert html.count("sample image") == 12


def test_images_seen_in_training_and_splits_of_training_are_warned_of(model_file, data):
    model = load(model_file)
    assert "on new ones it will be worse" in page(measured(model, data, "val"))
    run = measured(model, data)
    flattered = replace(run, result={**run.result, "seen_in_training": 3})
    assert "3 of these images were seen in training" in page(flattered)


@browser.needs_browser
def test_no_screen_scrolls_sideways_and_nothing_complains(report, tmp_path):
    (tmp_path / "report.html").write_text(report[1], encoding="utf-8")
    with browser.opened() as driver:
        driver.get((tmp_path / "report.html").as_uri())
        for size, dark in (((1440, 900), False), ((390, 844), True), ((768, 1024), False)):
            browser.shape(driver, size, dark)
            assert not driver.execute_script("return document.documentElement.scrollWidth > window.innerWidth"), size
        assert browser.errors(driver) == []
        for alternative in driver.execute_script("return [...document.images].map((i) => i.alt)"):
            assert alternative
