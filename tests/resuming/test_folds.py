"""crossvalidate --resume: finished folds are taken, a fold goes on at its model, and another recipe is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convnet.callbacks import BackupError, LambdaCallback
from convnet.data import cohort
from convnet.study import crossvalidation
from convnet.study.kept_folds import KeptFolds
from convnet.study.recipe import Recipe
from convnet.study.train import train
from tests.resuming.trainings import Killed

RECIPE = Recipe(epochs=2, network="gap", runs=2, group="patient")


def make_study():
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2
    x = rng.random((60, 12, 12), np.float32) * 0.5 + 0.5 * truth[:, None, None].astype(np.float32)
    patients = [f"p{number // 2 * 2 + number % 2}" for number in range(60)]
    return cohort.from_arrays(x, truth, splits=["train"] * 40 + ["val"] * 20, patients=patients)


def run(folder, recipe=RECIPE, study=None, seed=0):
    kept = None if folder is None else KeptFolds(folder, recipe, 3, seed)
    return crossvalidation.run(study or make_study(), recipe, k=3, seed=seed, kept=kept)


@pytest.fixture
def killed(tmp_path, monkeypatch):
    """What a run leaves that was killed in the fourth of its six trainings; and the epochs trained since."""
    epochs: list[int] = []

    def counting(*given, **named):
        kill = LambdaCallback(on_epoch_end=lambda epoch, logs: count())
        return train(*given, callbacks=[kill], **named)

    def count():
        epochs.append(1)
        if len(epochs) == 8:  # 2 models of 2 epochs in the first fold, 1 of 2 in the second, and 2 of the next
            raise Killed

    monkeypatch.setattr(crossvalidation, "train", counting)
    with pytest.raises(Killed):
        run(tmp_path / "kept")
    epochs.clear()
    return tmp_path / "kept", epochs


def test_a_killed_cross_validation_ends_with_the_result_of_an_undisturbed_one(killed):
    folder, epochs = killed
    found = run(folder)
    assert len(epochs) == 12 - 7  # the epoch whose end was cut off is the only one that is repeated
    epochs.clear()
    epochs += [1] * 8
    assert found == run(None)


def test_another_recipe_seed_or_study_is_refused_by_what_changed(killed):
    folder, _ = killed
    before = {p: p.read_bytes() for p in folder.rglob("*.safetensors")}
    other = make_study()
    other = replace(other, x=other.x * np.float32(0.5))
    for changes, message in (
        ({"recipe": replace(RECIPE, dropout=0.1)}, "dropout was 0.5, now 0.1"),
        ({"study": other}, "the images changed"),
    ):
        with pytest.raises(BackupError, match=message):
            run(folder, **changes)
    assert {p: p.read_bytes() for p in folder.rglob("*.safetensors")} == before
