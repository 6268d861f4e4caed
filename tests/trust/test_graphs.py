"""Planning takes time in proportion to the graph, whatever is frozen or repeated; long chains and files have limits."""

import time

import numpy as np
import pytest

import convnet
from convnet import layers, wiring
from convnet.model_file import ModelFileError


def repeated(n):
    """A graph in which 2**n paths lead from the output to the input."""
    start = layers.Input((4, 4, 2))
    x = start
    for _ in range(n):
        x = layers.Add()([x, x])
    return convnet.Model(start, layers.Dense(2, activation="softmax")(layers.Flatten()(x)))


def test_forty_repeated_additions_are_planned_saved_and_read_at_once(tmp_path):
    began = time.process_time()
    model = repeated(40)
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = np.full((1, 4, 4, 2), 2.0**-40, np.float32)
    model.train_on_batch(x, np.array([0]))
    model.save(tmp_path / "m.safetensors")
    assert np.array_equal(convnet.load(tmp_path / "m.safetensors").predict(x), model.predict(x))
    assert time.process_time() - began < 5


def test_frozen_residual_blocks_are_planned_at_once():
    start = layers.Input((4, 4, 2))
    x = start
    for _ in range(22):
        x = layers.Add()([x, layers.Conv2D(2, 3, padding="same")(x)])
    model = convnet.Model(start, layers.Dense(2, activation="softmax")(layers.Flatten()(x)))
    for layer in model.layers:
        layer.trainable = isinstance(layer, layers.Dense)
    model.compile("sgd", "sparse_categorical_crossentropy")
    began = time.process_time()
    model.train_on_batch(np.zeros((2, 4, 4, 2), np.float32), np.array([0, 1]))
    assert time.process_time() - began < 5


def test_a_chain_of_two_thousand_rectifiers_that_share_memory_runs():
    start = layers.Input((3,))
    x = start
    for _ in range(2000):
        x = layers.Activation("relu")(x)
    assert convnet.Model(start, x).predict(np.array([[-1.0, 0.0, 2.0]])).tolist() == [[0, 0, 2]]


def test_a_file_with_more_calls_than_the_limit_is_refused(tmp_path, monkeypatch):
    repeated(8).save(tmp_path / "m.safetensors")
    monkeypatch.setattr(wiring, "MOST_CALLS", 9)
    with pytest.raises(ModelFileError, match="it has 10 calls of layers; up to 9 can be read"):
        convnet.load(tmp_path / "m.safetensors")
