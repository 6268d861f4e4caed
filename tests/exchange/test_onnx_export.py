"""Models written as ONNX and read again; what other programs compute from the files is in tests/peers."""

import json

import numpy as np
import onnx
import pytest

import convnet
from convnet import layers
from convnet.exchange import load_onnx
from convnet.exchange.onnx.errors import OnnxError
from convnet.notice import NOTICE
from tests.command import convnet as command
from tests.exchange.onnx_export_models import MODELS, built, listed


@pytest.mark.parametrize("name", MODELS)
def test_a_model_written_and_read_again_computes_the_same(name, tmp_path):
    model, x = built(name)
    model.export(tmp_path / "net.onnx")
    again = load_onnx(tmp_path / "net.onnx")
    again.export(tmp_path / "again.onnx")
    third = load_onnx(tmp_path / "again.onnx")
    for wanted, *found in zip(*(listed(m.predict(x, verbose=0)) for m in (model, again, third)), strict=True):
        assert all(np.array_equal(one, wanted) for one in found)


def test_the_file_says_what_the_model_file_says(tmp_path):
    model, _ = built("listing")
    model.metadata = {"classes": ["a", "b", "c"], "temperature": 1.5, "notice": NOTICE}
    model.export(tmp_path / "net.onnx")
    stored = {entry.key: entry.value for entry in onnx.load(tmp_path / "net.onnx").metadata_props}
    assert stored["notice"] == NOTICE
    assert json.loads(stored["classes"]) == ["a", "b", "c"]
    again = load_onnx(tmp_path / "net.onnx")
    assert {k: v for k, v in again.metadata.items() if k != "onnx"} == model.metadata


def test_a_name_that_is_no_onnx_file_s_is_refused(tmp_path):
    model, _ = built("listing")
    with pytest.raises(ValueError, match=r"give a name in \.onnx"):
        model.export(tmp_path / "net.pt")
    with pytest.raises(ValueError, match="format='onnx', got 'tf_saved_model'"):
        model.export(tmp_path / "net.onnx", format="tf_saved_model")


def test_an_operation_that_cannot_be_written_is_named_with_its_layer(tmp_path, monkeypatch):
    from convnet.exchange.onnx import operations

    model = convnet.Sequential([convnet.Input((4,)), layers.Dense(2, name="scores", activation="relu")])
    monkeypatch.delitem(operations.OPERATIONS, "relu")
    with pytest.raises(OnnxError, match=r"relu \(layer 'scores'\)"):
        model.export(tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()


def test_the_commands_import_and_export(tmp_path):
    model, x = built("listing")
    model.save(tmp_path / "model.safetensors")
    done = command("export", "model.safetensors", "net.onnx", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "wrote net.onnx\n")
    done = command("import", "net.onnx", "--out", "again.safetensors", "--classes", "a,b,c", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again = convnet.load(tmp_path / "again.safetensors")
    assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert again.metadata["classes"] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "no.onnx"], "cannot be read"),
        (["import", "kept", "--out", "m.onnx"], "is a name of ONNX's files"),
        (["import", "kept", "--shape", "x"], "expected NAME=SIZE"),
        (["export", "no.safetensors", "net.onnx"], "no such model file"),
    ],
)
def test_a_users_error_is_one_line(arguments, message, tmp_path):
    (tmp_path / "kept").write_text("x")
    done = command(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_every_operation_of_inference_can_be_written_and_is_in_a_model_here():
    """convpool is made by a rewrite, batchnorm and dropout are training's."""
    from convnet.engine import fixing
    from convnet.engine.bindings import BINDINGS
    from convnet.engine.lowering import OF_LEVELS, lower
    from convnet.exchange.onnx.operations import OPERATIONS

    levels = {"quantize", *OF_LEVELS}
    rewritten = {"convpool", fixing.OPERATION, fixing.BY_WINOGRAD, fixing.DEPTHWISE}
    assert set(BINDINGS) - set(OPERATIONS) == {"batchnorm", "dropout", "drawn", "warped", *levels, *rewritten}
    used = {s.operation for name in MODELS for s in lower(built(name)[0].training_graph(), training=False).steps}
    assert used == set(OPERATIONS)


def test_a_model_without_a_convolution_keeps_its_order_of_axes(tmp_path):
    start = layers.Input((9, 10, 4))
    model = convnet.Model(start, layers.Concatenate()([start, layers.Rescaling(0.5)(start)]))
    model.export(tmp_path / "m.onnx")
    x = np.random.default_rng(0).standard_normal((2, 9, 10, 4)).astype("f")
    assert np.array_equal(load_onnx(tmp_path / "m.onnx").predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize(
    "layer", [layers.UpSampling2D((2, 3)), layers.Resizing(7, 5), layers.Resizing(7, 5, scales=(0.8, 0.5))]
)
def test_no_resize_names_some_axes_alone(layer, tmp_path):
    """ONNX Runtime 1.32 refuses it."""
    start = layers.Input((9, 10, 4))
    convnet.Model(start, layer(start)).export(tmp_path / "m.onnx")
    nodes = [node for node in onnx.load(tmp_path / "m.onnx").graph.node if node.op_type == "Resize"]
    assert nodes
    assert not [attribute for node in nodes for attribute in node.attribute if attribute.name == "axes"]
