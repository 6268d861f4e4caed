"""Backups that are damaged, foreign or of another training are refused in one sentence, and never replaced."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load, save

from convnet import callbacks, optimizers
from convnet.callbacks.backup import file
from convnet.data.cohort.augment import Augmented
from tests.resuming.trainings import BATCHES, Training, X, Y, build


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """The bytes of a good backup."""
    made = Training(tmp_path_factory.mktemp("good") / "b", save_freq=2)
    made.run(BATCHES + 3)
    return (made.folder / "training.safetensors").read_bytes()


@pytest.fixture
def killed(content, tmp_path):
    """A training that was killed."""
    made = Training(tmp_path / "b", save_freq=2)
    made.folder.mkdir()
    (made.folder / "training.safetensors").write_bytes(content)
    return made


def refused(training, content, message):
    path = training.folder / "training.safetensors"
    if content is not None:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(callbacks.BackupError, match=message):
        training.run()
    assert path.read_bytes() == before  # no silent restart, which would have replaced it


def header(content):
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size])


def rewritten(content, change, checked=True):
    """Return the backup with its JSON changed, with a right checksum or the old one."""
    metadata = dict(header(content)["__metadata__"])
    config = json.loads(metadata["convnet"])
    change(config)
    text = json.dumps(config)
    return save(load(content), {"convnet": text, "sha256": file._sum(text) if checked else metadata["sha256"]})


def test_a_flipped_bit_anywhere_is_found(content, killed):
    rng = np.random.default_rng(1)
    for place in rng.integers(0, len(content), 60):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        refused(killed, bytes(damaged), "not a backup of a training, or damaged")


def test_a_truncated_file_is_found(content, killed):
    for size in (0, 7, 8, 1000, len(content) // 2, len(content) - 1):
        refused(killed, content[:size], "damaged: .*Remove it to start from the beginning")


def test_a_foreign_file_is_named(killed):
    model = build()
    path = killed.folder / "model.safetensors"
    model.save(path)
    refused(killed, path.read_bytes(), "not a formula-convnet backup 1 .*its format: 'formula-convnet 1'")
    refused(killed, pickle.dumps({"a": 1}), "not a backup of a training")
    refused(killed, save({"x": np.ones(3)}), "its format: None")


def nested(depth):
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(state=[]),
        lambda c: c.update(state={"dict": [["place", 1]]}),
        lambda c: c.update(state={"dict": 5}),
        lambda c: c.update(state={"code": "import os"}),
        lambda c: c.update(state={"array": "nothing"}),
        lambda c: c.update(state={"dict": [[{"dict": []}, 1]]}),
        lambda c: c.update(state={"float": "x" * 10**6}),
        lambda c: c.update(state=nested(900)),
        lambda c: c.update(facts=3),
        lambda c: c["state"]["dict"].pop(),
        lambda c: c["state"]["dict"][3].__setitem__(1, {"dict": []}),
    ],
)
def test_a_hostile_file_with_a_right_checksum_is_one_error(content, killed, change):
    refused(killed, rewritten(content, change), r"training.safetensors: (not a backup|the backup does not fit)")


def test_another_checksum_is_found(content, killed):
    refused(killed, rewritten(content, lambda c: c.update(more=1), checked=False), "its checksum is wrong")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": lambda: Augmented(X + np.float32(1e-7), seed=1)}, r"the samples \(x\) changed"),
        ({"data": lambda: Augmented(X, seed=1, shift=1)}, r"the samples \(x\) changed"),
        ({"targets": Y[::-1].copy()}, r"the targets \(y\) changed"),
        ({"arguments": {"batch_size": 16}}, "batch_size was 8, now 16"),
        ({"arguments": {"shuffle": False}}, "shuffle was True, now False"),
        ({"arguments": {"validation_data": (X[:9], Y[:9])}}, r"the validation samples \(x\) changed"),
        ({"arguments": {"class_weight": "balanced"}}, "the sample weights was none, now"),
        ({"optimizer": lambda: optimizers.Adam(0.1)}, "the optimizer's learning_rate was 0.001, now 0.1"),
        ({"callbacks": lambda: [callbacks.TerminateOnNaN()]}, "the callbacks was Kill, History, now TerminateOnNaN, K"),
        ({"model": lambda optimizer: build(optimizer, [])}, "the metrics was .*accuracy.*, now"),
    ],
)
def test_another_training_is_refused_by_what_changed(changes, message, killed):
    refused(replace(killed, **changes), None, f"the backup is of another training: {message}")


def test_another_architecture_is_refused_by_its_layer(killed):
    def wider(optimizer):
        model = build(optimizer)
        model.layers[1].activation = "tanh"
        return model

    refused(
        replace(killed, model=wider),
        None,
        r'of another training: layer \d, a Conv2D: activation was "relu", now "tanh"',
    )


def test_a_longer_training_goes_on(killed):
    longer = replace(killed, arguments={"epochs": 6})
    _, history = longer.run()
    assert history.epoch == list(range(6))


def test_the_arguments_are_kerass():
    with pytest.raises(TypeError, match="double_checkpoint not supported"):
        callbacks.BackupAndRestore("b", double_checkpoint=True)
    with pytest.raises(ValueError, match="save_freq must be an integer >= 1, got 0"):
        callbacks.BackupAndRestore("b", save_freq=0)
    with pytest.raises(TypeError, match="delete_checkpoint must be True or False"):
        callbacks.BackupAndRestore("b", delete_checkpoint=1)
    with pytest.raises(ValueError, match="backup_dir must name a folder"):
        callbacks.BackupAndRestore("")
    two = [callbacks.BackupAndRestore("a"), callbacks.BackupAndRestore("b")]
    with pytest.raises(ValueError, match="fit: give one BackupAndRestore, got 2"):
        build().fit(X, Y, callbacks=two, verbose=0)
