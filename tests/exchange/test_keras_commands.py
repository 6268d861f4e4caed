"""`convnet import` and `convnet export` with Keras's files."""

import numpy as np

import convnet
from convnet.exchange import load_keras
from tests.command import convnet as command
from tests.exchange.keras_files import conv, dense, given, keras_file, layer, numbers, sequential

X = np.random.default_rng(0).uniform(size=(2, 8, 8, 1)).astype("f")


def test_a_keras_file_becomes_a_model_that_commands_take_and_goes_back(tmp_path):
    entries = [given(8, 8, 1), conv("c", 2), layer("GlobalAveragePooling2D", "g"), dense("d", 3, "softmax")]
    arrays = {"layers/conv2d": numbers((3, 3, 1, 2), (2,)), "layers/dense": numbers((2, 3), (3,))}
    keras_file(tmp_path / "net.keras", sequential("net", *entries), arrays)
    done = command("import", "net.keras", "--out", "net.safetensors", "--classes", "a,b,c", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    model = convnet.load(tmp_path / "net.safetensors")
    assert model.metadata["classes"] == ["a", "b", "c"]
    assert model.metadata["pipeline"]["size"] == 8
    np.testing.assert_array_equal(model.predict(X, verbose=0), load_keras(tmp_path / "net.keras").predict(X, verbose=0))
    done = command("export", "net.safetensors", "back.keras", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    back = load_keras(tmp_path / "back.keras")
    np.testing.assert_array_equal(back.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_file_of_weights_alone_is_no_model(tmp_path):
    (tmp_path / "m.weights.h5").write_bytes(b"")
    done = command("import", "m.weights.h5", cwd=tmp_path)
    assert done.returncode != 0
    assert "no architecture" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
