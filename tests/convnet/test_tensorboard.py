"""The TensorBoard callback, read back by tensorboard's own reader."""

import sys

import numpy as np
import pytest

import convnet
from convnet import layers as L

pytest.importorskip("tensorboard", reason="needs tensorboard: pip install 'formula-convnet[tensorboard]'")
X, Y = np.random.default_rng(0).normal(size=(12, 3)).astype("f4"), np.arange(12) % 2


def make():
    model = convnet.Sequential([L.Input((3,)), L.Dense(2, activation="softmax", name="d")])
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def read(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    found = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    found.Reload()
    return {
        tag: [(e.step, make_ndarray(e.tensor_proto)) for e in found.Tensors(tag)] for tag in found.Tags()["tensors"]
    }


def test_metrics_and_histograms_are_read_back_as_they_were(tmp_path):
    model = make()
    board = convnet.callbacks.TensorBoard(tmp_path, histogram_freq=1, update_freq="batch")
    history = model.fit(
        X, Y, batch_size=4, epochs=2, validation_data=(X, Y), verbose=0, callbacks=[board], shuffle=False
    ).history
    train, held = read(tmp_path / "train"), read(tmp_path / "validation")
    for name in ("loss", "accuracy"):
        assert [float(v) for _, v in train[f"epoch_{name}"]] == pytest.approx(history[name])
        assert [float(v) for _, v in held[f"epoch_{name}"]] == pytest.approx(history[f"val_{name}"])
    assert [step for step, _ in train["batch_loss"]] == [1, 2, 3, 4, 5, 6]
    assert [float(v) for _, v in train["epoch_learning_rate"]] == pytest.approx([0.01, 0.01])
    assert [step for step, _ in held["evaluation_loss_vs_iterations"]] == [3, 6]
    assert "d (Dense)" in train["model"][0][1].item().decode()
    bins = train["d/kernel/histogram"][-1][1]
    kernel = model.get_weights()[0]
    assert bins[:, 2].sum() == kernel.size
    assert (bins[0, 0], bins[-1, 1]) == pytest.approx((kernel.min(), kernel.max()))


def test_evaluate_writes_its_metrics(tmp_path):
    model = make()
    found = model.evaluate(X, Y, verbose=0, callbacks=[convnet.callbacks.TensorBoard(tmp_path)])
    assert float(read(tmp_path / "validation")["evaluation_loss_vs_iterations"][0][1]) == pytest.approx(found[0])


def test_what_is_not_written_is_refused_and_a_missing_package_is_named(tmp_path, monkeypatch):
    with pytest.raises(TypeError, match="write_images not supported"):
        convnet.callbacks.TensorBoard(tmp_path, write_graph=True, write_images=True)
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(ImportError, match=r"pip install 'formula-convnet\[tensorboard\]'"):
        convnet.callbacks.TensorBoard(tmp_path)
