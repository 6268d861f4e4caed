"""The default recipe is the one that cross-validation chose; every choice that is named is kept."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest

from convnet.data import cohort
from convnet.study.metadata import read_record
from convnet.study.recipe import PLAIN, Recipe
from convnet.study.train import train
from tests.command import ROOT, convnet

ABOUT_PIXELS = {"size", "aspect"}


def make_study(n: int = 60, task: str = "classes"):
    labels = np.arange(n) % 2
    x = np.random.default_rng(0).random((n, 12, 12), np.float32) * 0.5 + 0.5 * labels[:, None, None].astype(np.float32)
    made = cohort.from_arrays(x, labels, splits=["train"] * (n - 20) + ["val"] * 20)
    return replace(made, task=task)


def test_the_default_is_the_recipe_that_cross_validation_chose():
    committed = tomllib.loads((ROOT / "benchmarks" / "breastmnist.toml").read_text())
    default = Recipe().complete(make_study()).to_json()
    named = {name: value for name, value in committed.items() if name not in {*ABOUT_PIXELS, "runs"}}
    assert {name: default[name] for name in named} == named


@pytest.mark.parametrize("network", ["listing", "resnet", "formula", "wave"])
def test_the_other_networks_are_trained_as_before(network):
    done = Recipe(network).complete(make_study()).to_json()
    assert {name: done[name] for name in PLAIN} == PLAIN


@pytest.mark.parametrize(
    "named",
    [{"epochs": 7}, {"keep": "best"}, {"schedule": "constant"}, {"warmup": 9}, {"average": 0.0}, {"mixup": 0.0}],
)
def test_a_choice_that_is_named_is_kept(named):
    done = Recipe(**named, runs=1).complete(make_study()).to_json()
    assert {name: done[name] for name in named} == named


@pytest.mark.parametrize(("epochs", "warmup"), [(1, 0), (9, 0), (10, 1), (49, 4), (50, 5), (1000, 5)])
def test_the_warm_up_is_at_most_a_tenth(epochs, warmup):
    assert Recipe(epochs=epochs).complete(make_study()).warmup == warmup


@pytest.mark.parametrize(("images", "epochs"), [(40, 100), (2000, 100), (4000, 50), (90_000, 10)])
def test_many_images_are_seen_in_fewer_epochs(images, epochs):
    x = np.broadcast_to(np.float32(0), (images + 2, 2, 2))
    made = cohort.from_arrays(x, np.arange(images + 2) % 2, splits=["train"] * images + ["val"] * 2)
    assert Recipe().complete(made).epochs == epochs


@pytest.mark.parametrize("task", ["multilabel", "ordinal", "regression"])
def test_mixup_is_for_classes_unless_it_is_named(task):
    assert Recipe().complete(make_study(task=task)).mixup == 0
    assert Recipe(mixup=0.3).complete(make_study(task=task)).mixup == 0.3


def test_what_was_chosen_is_recorded_in_the_model():
    trained = train(make_study(), Recipe(epochs=2, runs=1), verbose=0)
    record = read_record(trained.model)
    found = record.recipe
    assert (found["network"], found["epochs"], found["warmup"], found["mixup"]) == ("gap", 2, 0, 0.2)
    assert record.runs[0].best_epoch == 2


def test_the_command_says_what_it_chose_and_that_mixup_is_off(tmp_path):
    parts = {}
    for name, n in (("train", 24), ("val", 12), ("test", 4)):
        labels = np.arange(n) % 3
        parts[f"{name}_images"] = np.broadcast_to(np.uint8(80 * labels)[:, None, None], (n, 12, 12)) + np.arange(
            12, dtype=np.uint8
        )
        parts[f"{name}_labels"] = labels[:, None]
    np.savez(tmp_path / "grades.npz", **parts)
    out = tmp_path / "m.safetensors"
    done = convnet(
        "train", "--npz", tmp_path / "grades.npz", "--size", 12, "--epochs", 2, "--task", "ordinal", "--out", out
    )
    assert done.returncode == 0, done.stderr
    assert (
        "recipe: network gap, 2 epochs, cosine learning rate, averaged parameters (0.99), the last epoch" in done.stderr
    )
    assert done.stderr.count("MixUp is off: it mixes two classes, and the task here is ordinal\n") == 1
    assert json.loads(out.with_suffix(".card.json").read_text())["training"]["recipe"]["mixup"] == 0
