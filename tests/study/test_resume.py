"""`train --runs N --resume`: finished members are taken, others trained; a member of another training is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convnet import layers, model_file
from convnet.data import cohort
from convnet.data.preparation import Preparation
from convnet.model import from_bytes as load_bytes
from convnet.model import load
from convnet.study.complete import train_recipe
from convnet.study.recipe import Recipe
from convnet.study.resume import Resumed, name_member
from tests.command import convnet

RECIPE = Recipe(epochs=2, network="gap", runs=3)
PIXELS = Preparation(size=12)


def make_study(labels=None):
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2
    x = rng.random((60, 12, 12), np.float32) * 0.5 + 0.5 * truth[:, None, None].astype(np.float32)
    return cohort.from_arrays(x, truth if labels is None else labels, splits=["train"] * 40 + ["val"] * 20)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An unbroken run: the folder with its members, and the ensemble."""
    out = tmp_path_factory.mktemp("whole") / "m.safetensors"

    def write(member):
        number = member.model.metadata["seed"] + 1
        name_member(out, number).write_bytes(model_file.to_bytes(member.model))

    trained = train_recipe(make_study(), RECIPE, PIXELS, verbose=0, on_member=write)
    return out, trained.model


@pytest.fixture
def broken(whole, tmp_path):
    """What a run that was killed in its second member leaves: the first."""
    out = tmp_path / "m.safetensors"
    name_member(out, 1).write_bytes(name_member(whole[0], 1).read_bytes())
    return out


def resume(out, study, recipe=RECIPE, preparation=PIXELS, seed=0):
    trained = []
    resumed = Resumed(out, study, recipe, preparation)
    found = train_recipe(study, recipe, preparation, seed=seed, verbose=0, on_member=trained.append, resumed=resumed)
    return found, [one.model.metadata["seed"] for one in trained]


def same(found, expected):
    numbers, wanted = (sorted(w.tobytes() for w in one.model.get_weights()) for one in (found, expected))
    assert numbers == wanted  # a model from a file lists its parameters in the order of its calls
    assert np.array_equal(found.outputs, expected.outputs)
    assert found.model.metadata == expected.model.metadata


def test_a_resumed_ensemble_is_the_unbroken_one_to_the_bit(whole, broken):
    found, trained = resume(broken, make_study())
    assert trained == [1, 2]
    same(found.model, whole[1])


def test_files_do_not_depend_on_what_the_process_made_before(whole, broken):
    layers.Conv2D(1, 1)  # the next one has another number
    written = []
    found = train_recipe(
        make_study(), RECIPE, PIXELS, verbose=0, on_member=lambda one: written.append(model_file.to_bytes(one.model))
    )
    assert written == [name_member(whole[0], n).read_bytes() for n in (1, 2, 3)]
    resumed, _ = resume(broken, make_study())
    assert model_file.to_bytes(resumed.model.model) == model_file.to_bytes(found.model.model)
    load_bytes(model_file.to_bytes(resumed.model.model))  # no two layers have one name


def test_a_member_that_was_interrupted_is_trained_again(whole, broken):
    file = name_member(broken, 1)
    model = load(file)
    model.metadata["interrupted"] = True
    file.write_bytes(model_file.to_bytes(model))
    found, trained = resume(broken, make_study())
    assert trained == [0, 1, 2]
    same(found.model, whole[1])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"recipe": replace(RECIPE, epochs=3, dropout=0.25)}, "epochs was 2, now 3; dropout was 0.5, now 0.25"),
        ({"seed": 5}, "its seed was 0, now 5"),
        ({"preparation": Preparation(size=12, aspect="stretch")}, "pixels were prepared with .*'pad'.*now .*'stretch'"),
    ],
)
def test_another_training_is_refused_by_what_changed(broken, changed, message):
    with pytest.raises(ValueError, match=message):
        resume(broken, make_study(), **changed)


def test_other_images_or_labels_are_refused(broken):
    study = make_study()
    other = replace(study, x=study.x * np.float32(0.5))
    with pytest.raises(ValueError, match="the images of train or val are others"):
        resume(broken, other)
    swapped = np.arange(60) % 2
    swapped[[0, 1]] = swapped[[1, 0]]  # as many of each class as before
    with pytest.raises(ValueError, match="the labels of train or val are others"):
        resume(broken, make_study(swapped))


def test_the_commands_say_what_resume_cannot_do(tmp_path):
    several = ("--runs", "2", "--resume", "--record", "r.safetensors")
    done = convnet("train", "--npz", "none.npz", *several, cwd=tmp_path)
    assert (done.returncode, "leave them out, or give --runs 1" in done.stderr) == (2, True)
    done = convnet("crossvalidate", "--npz", "none.npz", "--resume", cwd=tmp_path)
    assert (done.returncode, "--resume keeps finished folds beside the result: give --json" in done.stderr) == (2, True)
