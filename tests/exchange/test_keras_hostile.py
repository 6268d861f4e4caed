"""Keras's files from strangers: each ends in a model or in one clear error, and asks for no more than it holds."""

import io
import json
import pickle
import zipfile

import h5py
import numpy as np
import pytest

import convnet
from convnet.exchange import load_keras
from convnet.model_file import ModelFileError
from tests.exchange.keras_files import conv, dense, given, keras_file, layer, numbers, sequential, weights_file

SMALL = sequential("net", given(6, 6, 2), conv("c", 2))
ARRAYS = {"layers/conv2d": numbers((3, 3, 2, 2), (2,))}


def archive(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name.replace("_", "."), content)
    return path


def refused(path, message):
    with pytest.raises(ModelFileError, match=message) as caught:
        load_keras(path)
    assert str(path) in str(caught.value)


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    bomb = archive(tmp_path / "m.keras", config_json=b"[" + b" " * (60 << 20), model_weights_h5=weights_file(ARRAYS))
    assert bomb.stat().st_size < 100_000
    refused(bomb, r"config.json states 62,914,561 bytes, packed into")
    zeros = archive(tmp_path / "n.keras", config_json=json.dumps(SMALL), model_weights_h5=bytes(200 << 20))
    refused(zeros, r"model.weights.h5 states")


@pytest.mark.parametrize(("members", "message"), [
    ({}, "must hold config.json once"),
    ({"config_json": b"{}"}, "must hold model.weights.h5 once"),
    ({"config_json": b"[]", "model_weights_h5": weights_file({})}, "config.json is no table"),
    ({"config_json": b"{}", "model_weights_h5": weights_file({})}, "class_name"),
    ({"config_json": b"{", "model_weights_h5": b""}, "not a .keras file"),
    ({"config_json": b"{}", "model_weights_h5": pickle.dumps([1])}, "not Keras's file of weights"),
    ({"config_json": b"[" * 100_000, "model_weights_h5": b""}, "not a .keras file, or damaged"),
])  # fmt: skip
def test_an_archive_that_lacks_a_part_is_refused(tmp_path, members, message):
    refused(archive(tmp_path / "m.keras", **members), message)


def test_two_members_of_one_name_are_refused(tmp_path):
    path = keras_file(tmp_path / "m.keras", SMALL, ARRAYS)
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("config.json", json.dumps(SMALL))
    refused(path, "must hold config.json once, found 2")


def test_a_file_that_is_none_is_named(tmp_path):
    refused(tmp_path / "nowhere.keras", "no such file")
    refused(tmp_path, "not a file")


def hdf5(write):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        write(file)
    return content.getvalue()


def soft_link(file):
    file.create_group("layers/conv2d")["vars"] = h5py.SoftLink("/")


def external_link(file):
    file["layers"] = h5py.ExternalLink("/etc/passwd", "/")


def external_numbers(file):
    file.create_dataset("layers/conv2d/vars/0", (4,), "u1", external=[("/etc/passwd", 0, 4)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    file.create_virtual_dataset("layers/conv2d/vars/0", layout)


def loop(file):
    file["layers"] = file


def shape_bomb(file):
    file.create_dataset("layers/conv2d/vars/0", (1 << 40,), "f4", chunks=(1 << 20,), compression="gzip")


def text(file):
    file["layers/conv2d/vars/0"] = ["word"]


def outside(file):
    file["kernel"] = np.zeros(3, "f")


def deep(file):
    file.create_group("/".join(["g"] * 80))


def many(file):
    for i in range(200):
        file.create_group(f"g{i}")


@pytest.mark.parametrize(("write", "message"), [
    (soft_link, "is a link"),
    (external_link, "is a link"),
    (external_numbers, "in another file"),
    (virtual, "in another file"),
    (loop, "holds itself"),
    (shape_bomb, "states 4,398,046,511,104 bytes"),
    (text, "no array of numbers"),
    (outside, "outside of a group 'vars'"),
    (deep, "more than 64 deep"),
])  # fmt: skip
def test_a_file_of_weights_that_reaches_out_is_refused(tmp_path, write, message):
    refused(keras_file(tmp_path / "m.keras", SMALL, hdf5(write)), message)


def test_the_number_of_groups_is_limited(tmp_path, monkeypatch):
    monkeypatch.setattr("convnet.exchange.keras.hdf5.MOST_OBJECTS", 100)
    refused(keras_file(tmp_path / "m.keras", SMALL, hdf5(many)), "more than 100 groups")


@pytest.mark.parametrize("config", [
    sequential("net", given(6, 6, 2), conv("c", 1 << 40)),
    sequential("net", given(60_000, 60_000, 900), layer("Flatten", "f"), dense("d", 1 << 20)),
])  # fmt: skip
def test_an_architecture_asks_for_no_more_memory_than_the_file_has_numbers(tmp_path, config):
    refused(keras_file(tmp_path / "m.keras", config, ARRAYS), "larger than what the file holds")


def test_the_number_of_layers_is_limited(tmp_path):
    config = sequential("net", given(6, 6, 2), *[layer("Flatten", f"f{i}") for i in range(5001)])
    refused(keras_file(tmp_path / "m.keras", config, ARRAYS), "more than 5000 layers")


def test_nothing_but_layers_is_made(tmp_path):
    """No name of the file is looked up anywhere but in the tables of layers, losses, metrics and optimizers."""
    for module, kind in (("os", "system"), ("keras.layers", "__init__"), ("keras.losses", "get"), ("keras.src", "sys")):
        refused(keras_file(tmp_path / "m.keras", sequential("n", layer(kind, "x", module)), {}), "cannot be read")
    evil = {"module": "builtins", "class_name": "eval", "config": {"source": "1/0"}}
    given_object = {**conv("c", 2), "config": {**conv("c", 2)["config"], "kernel_regularizer": evil}}
    refused(keras_file(tmp_path / "m.keras", sequential("n", given(6, 6, 2), given_object), ARRAYS), "not known here")


def test_mutated_files_end_in_a_model_or_in_one_error(tmp_path):
    """Bytes of the archive, of its JSON, and of its HDF5."""
    rng, good = np.random.default_rng(3), keras_file(tmp_path / "m.keras", SMALL, ARRAYS).read_bytes()
    config, weights = json.dumps(SMALL).encode(), weights_file(ARRAYS)

    def mutate(content):
        content = bytearray(content)
        for place in rng.integers(0, len(content), rng.integers(1, 8)):
            content[place] = rng.integers(256)
        return bytes(content)

    outcomes = set()
    for number in range(300):
        path = tmp_path / "n.keras"
        if number % 3 == 0:
            path.write_bytes(mutate(good))
        elif number % 3 == 1:
            archive(path, config_json=mutate(config), model_weights_h5=weights)
        else:
            archive(path, config_json=config, model_weights_h5=mutate(weights))
        try:
            outcomes.add(type(load_keras(path)))
        except ModelFileError as error:
            outcomes.add(type(error))
    assert outcomes == {convnet.Sequential, ModelFileError}
