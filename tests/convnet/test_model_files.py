"""Saving and loading: bits, foreign and damaged files, and what stays when it goes wrong."""

import json

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.model_file import ModelFileError
from tests.convnet.small_models import Residual, data, small, trained


def test_save_and_load_bring_back_weights_outputs_and_training_to_the_bit(tmp_path):
    model, (x, y) = trained(), data()
    model.metadata = {"classes": ["a", "b", "ü"]}
    model.save(tmp_path / "m.safetensors")
    again = convnet.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(model.predict(x), again.predict(x))
    assert again.metadata == model.metadata
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for m in (model, again):
        convnet.set_random_seed(5)
        next(layer for layer in m.training_graph().layers if isinstance(layer, layers.Dropout)).calls = 0
        m.fit(x, y, epochs=2, verbose=0)  # Adam's moments came along: the same steps
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_subclassed_model_with_branches_is_loaded_without_its_code(tmp_path):
    model, (x, y) = Residual(), data()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "m.safetensors")
    again = convnet.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(model.predict(x), again.predict(x))
    drops = [call for call in again.training_graph().calls if isinstance(call.layer, layers.Dropout)]
    assert len(drops) == 1


def test_an_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    trained().save(path)
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        trained().save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_damaged_and_foreign_files_are_one_clear_error(tmp_path):
    from safetensors.numpy import save

    good = tmp_path / "good.safetensors"
    trained().save(good)
    raw = good.read_bytes()
    header = int.from_bytes(raw[:8], "little")
    config = json.loads(json.loads(raw[8 : 8 + header])["__metadata__"]["convnet"])

    def rewritten(**changes):
        from safetensors import safe_open

        with safe_open(good, "numpy") as f:
            tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118
        return save(tensors, {"convnet": json.dumps(config | changes)})

    cases = {
        "empty": b"",
        "truncated": raw[: len(raw) // 2],
        "text": b"hello, I am not a model",
        "foreign": save({"w": np.ones(3)}),
        "version": rewritten(format="formula-convnet 99"),
        "layer": rewritten(layers=[{"class": "os.system", "config": {}}]),
        "wiring": rewritten(calls=[{"layer": 99, "inputs": [5], "training": None}]),
        "shape": rewritten(input_shape=[20, 20, 1]),
        "types": rewritten(layers="x"),
        "huge": rewritten(input_shape=[10**9, 10**9, 1]),
    }
    for name, content in cases.items():
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match=name):
            convnet.load(path)
    with pytest.raises(ModelFileError, match="no such model file"):
        convnet.load(tmp_path / "nothing.safetensors")


def test_weights_of_another_architecture_are_refused_and_change_nothing(tmp_path):
    trained().save(tmp_path / "m.safetensors")
    other = convnet.Sequential([layers.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3)])
    before = other.get_weights()
    with pytest.raises(ModelFileError, match="do not fit"):
        other.load_weights(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(before[0], other.get_weights()[0])
    with pytest.raises(ValueError, match=r"set_weights expects dense.*kernel \(64, 3\)"):
        other.set_weights([np.ones((2, 2)), np.ones(3)])


def test_a_metric_with_a_name_of_its_own_is_saved_and_loaded(tmp_path):
    model, (x, y) = small(), data()
    metric = convnet.metrics.SparseCategoricalAccuracy(name="acc2")
    model.compile("adam", "sparse_categorical_crossentropy", [metric])
    expected = model.evaluate(x, y, verbose=0, return_dict=True)
    model.save(tmp_path / "m.safetensors")
    assert convnet.load(tmp_path / "m.safetensors").evaluate(x, y, verbose=0, return_dict=True) == expected
    with pytest.raises(ValueError, match="metric 'f1' is not supported"):
        model.compile("adam", "mse", ["f1"])


def test_metadata_that_is_no_json_is_refused_by_name_and_nothing_is_written(tmp_path):
    model = trained()
    model.metadata = {"a": np.float32(1)}
    with pytest.raises(TypeError, match=r"model.metadata must hold plain JSON values"):
        model.save(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []
