"""ONNX files that are not trusted: each is read, or refused in one line that says why."""

import os

import numpy as np
import pytest
from onnx import TensorProto

from convnet.exchange import load_onnx
from convnet.exchange.onnx import reading
from convnet.exchange.onnx.errors import OnnxError
from tests.exchange.onnx_files import model, save

RELU = ([("Relu", "x", "y", {})], {"x": ["N", 4]}, {"y": ["N", 4]})


def dense(path, location="weights.bin", offset="0", length="32"):
    """A file whose matrix lies in another file."""
    proto = model([("MatMul", "x w", "y", {})], {"x": ["N", 4]}, {"y": ["N", 2]}, {"w": np.zeros((4, 2), np.float32)})
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    path.write_bytes(proto.SerializeToString())
    return path


def test_external_data_is_read_from_the_model_s_folder(tmp_path):
    matrix = np.arange(8, dtype=np.float32).reshape(4, 2)
    (tmp_path / "weights.bin").write_bytes(b"\0" * 16 + matrix.tobytes())
    loaded = load_onnx(dense(tmp_path / "net.onnx", offset="16"))
    assert np.array_equal(loaded.get_weights()[0], matrix)


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "sub/../../weights.bin", "link.bin", ""])
def test_external_data_outside_of_the_model_s_folder_is_refused(tmp_path, location):
    (tmp_path / "weights.bin").write_bytes(bytes(32))
    folder = tmp_path / "model"
    folder.mkdir()
    os.symlink(tmp_path / "weights.bin", folder / "link.bin")
    with pytest.raises(OnnxError, match="only files within the model's own folder"):
        load_onnx(dense(folder / "net.onnx", location))


@pytest.mark.parametrize(
    ("offset", "length", "reason"),
    [
        ("0", "4096", "ends before byte 4096"),
        ("-1", "32", "must be a whole number"),
        ("64", "32", "ends before"),
        ("0", "16", r"damaged|invalid"),
        ("0", str(2**40), "ends before"),
    ],
)
def test_external_data_that_is_not_there_is_refused(tmp_path, offset, length, reason):
    (tmp_path / "weights.bin").write_bytes(bytes(32))
    with pytest.raises(OnnxError, match=reason):
        load_onnx(dense(tmp_path / "net.onnx", offset=offset, length=length))


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"no model at all")
    with pytest.raises(OnnxError, match=r"not an ONNX file|invalid|opset"):
        load_onnx(tmp_path / "net.onnx")
    with pytest.raises(OnnxError, match="cannot be read"):
        load_onnx(tmp_path / "absent.onnx")
    with pytest.raises(OnnxError, match=r"Is a directory|is no file"):
        load_onnx(tmp_path)


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_file_that_was_cut_off_is_refused(tmp_path, cut):
    content = save(tmp_path / "net.onnx", *RELU).read_bytes()
    (tmp_path / "net.onnx").write_bytes(content[:-cut])
    with pytest.raises(OnnxError):
        load_onnx(tmp_path / "net.onnx")


def test_sizes_are_limited(tmp_path, monkeypatch):
    path = save(tmp_path / "net.onnx", *RELU)
    monkeypatch.setattr(reading, "MOST_BYTES", 10)
    with pytest.raises(OnnxError, match="can be read"):
        load_onnx(path)
    monkeypatch.setattr(reading, "MOST_BYTES", 2**31)
    monkeypatch.setattr(reading, "MOST_NODES", 0)
    with pytest.raises(OnnxError, match="up to 0 are read"):
        load_onnx(path)


@pytest.mark.parametrize("opset", [6, 999])
def test_opsets_that_are_not_read_are_named(tmp_path, opset):
    with pytest.raises(OnnxError, match=rf"opset {opset}; opsets 7 to \d+ are read"):
        load_onnx(save(tmp_path / "net.onnx", *RELU, opset=opset))


def test_an_operator_that_is_not_supported_is_named_with_its_nodes_before_anything_is_made(tmp_path):
    nodes = [("Relu", "x", "a", {}), ("Sin", "a", "b", {}), ("Cos", "b", "c", {}), ("Sin", "c", "y", {})]
    with pytest.raises(OnnxError, match=r"not supported: Sin \('Sin_1', 'Sin_3'\); Cos \('Cos_2'\)\. Supported: "):
        load_onnx(save(tmp_path / "net.onnx", nodes, {"x": ["N", 4]}, {"y": ["N", 4]}))


def test_a_constant_that_would_be_huge_is_refused_before_it_is_made(tmp_path):
    nodes = [("ConstantOfShape", "s", "c", {}), ("Add", "x c", "y", {})]
    weights = {"s": np.array([2**15, 2**14], np.int64)}
    with pytest.raises(OnnxError, match="up to 268435456 are made"):
        load_onnx(save(tmp_path / "net.onnx", nodes, {"x": ["N", 1]}, {"y": [2**15, 2**14]}, weights))


def test_nodes_out_of_order_are_sorted(tmp_path):
    nodes = [("Sigmoid", "a", "y", {}), ("Relu", "x", "a", {})]
    x = np.array([[-1, 0, 1, 2]], np.float32)
    found = load_onnx(save(tmp_path / "net.onnx", nodes, {"x": ["N", 4]}, {"y": ["N", 4]})).predict(x, verbose=0)
    assert np.allclose(found, 1 / (1 + np.exp(-np.maximum(x, 0))), atol=1e-6)


def test_a_cycle_is_refused(tmp_path):
    nodes = [("Add", "x b", "a", {}), ("Relu", "a", "b", {})]
    with pytest.raises(OnnxError, match=r"net.onnx: Add \(node 'Add_0'\): it waits for its own output"):
        load_onnx(save(tmp_path / "net.onnx", nodes, {"x": ["N", 4]}, {"b": ["N", 4]}))


def test_the_file_s_own_functions_are_written_out(tmp_path):
    from onnx import helper

    proto = model([("Relu", "x", "y", {})], {"x": ["N", 4]}, {"y": ["N", 4]})
    body = [helper.make_node("Relu", ["a"], ["b"])]
    proto.functions.append(helper.make_function("own", "F", ["a"], ["b"], body, [helper.make_opsetid("", 20)]))
    proto.graph.node[0].op_type, proto.graph.node[0].domain = "F", "own"
    proto.opset_import.append(helper.make_opsetid("own", 1))
    (tmp_path / "net.onnx").write_bytes(proto.SerializeToString())
    assert (load_onnx(tmp_path / "net.onnx").predict(-np.ones((1, 4), np.float32), verbose=0) == 0).all()
