"""Files for Keras: in its format, as an independent reader (zip, JSON, h5py) sees them, and back without a change."""

import json
import zipfile

import h5py
import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.exchange import load_keras

X = np.random.default_rng(0).standard_normal((4, 8, 8, 2)).astype("f")
Y = np.array([0, 1, 2, 1])


def residual():
    start = layers.Input((8, 8, 2))
    conv = layers.Conv2D(2, 3, padding="same", activation="relu", name="twice")
    y = layers.BatchNormalization(name="norm")(conv(conv(start)) + start)
    return convnet.Model(start, layers.Dense(3, activation="softmax", name="out")(layers.Flatten()(y)))


class Net(convnet.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv, self.out = layers.Conv2D(3, 3, name="same name"), layers.Dense(3, name="same name")
        self.flatten = layers.Flatten()

    def call(self, x):
        return self.out(self.flatten(self.conv(x)))


def sequential():
    costs = {"kernel_regularizer": convnet.regularizers.L1L2(0.25, 0.5)}
    first = layers.Conv2D(4, 3, strides=2, use_bias=False, trainable=False, **costs)
    rest = layers.MaxPooling2D(), layers.Dropout(0.25), layers.Flatten(), layers.Dense(3)
    return convnet.Sequential([layers.Input((8, 8, 2)), first, *rest])


def arithmetic():
    start = layers.Input((8, 8, 2))
    y = layers.Softmax()(layers.Identity()((3 - start * 2) * start - start / 4))
    return convnet.Model(start, layers.Dense(3)(layers.Flatten()(y)))


def normalized(axis=-1):
    layer = layers.Normalization(axis=axis)
    layer.adapt(3 * X + 1)
    return convnet.Sequential([layers.InputLayer((8, 8, 2)), layer, layers.Flatten(), layers.Dense(3)])


MODELS = [sequential, residual, Net, arithmetic, normalized, lambda: normalized(None)]


def test_a_model_that_was_saved_and_loaded_is_written_as_well(tmp_path):
    model = sequential()
    model.save(tmp_path / "m.safetensors")
    convnet.load(tmp_path / "m.safetensors").save(tmp_path / "m.keras")
    again = load_keras(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("make", MODELS)
def test_a_model_comes_back_as_it_was(tmp_path, make):
    model = make()
    model.build((None, 8, 8, 2))
    model.save(tmp_path / "m.keras")
    again = load_keras(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert again.count_params() == model.count_params()
    if make is sequential:
        assert isinstance(again, convnet.Sequential)
        assert [made.trainable for made in again.layers] == [False, True, True, True, True]
        assert again.layers[2].rate == 0.25
        assert again.layers[0].kernel_regularizer == {"l1": 0.25, "l2": 0.5}


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("optimizer", [
    convnet.optimizers.Adam, convnet.optimizers.SGD, lambda **k: convnet.optimizers.RMSprop(momentum=0.5, **k)
])  # fmt: skip
def test_training_goes_on_as_if_the_model_had_never_left(tmp_path, make, optimizer):
    model = make()
    model.build((None, 8, 8, 2))
    for layer in model.layers:
        if isinstance(layer, layers.Dropout):
            layer.rate = 0.0
    model.compile(optimizer(learning_rate=0.25), "sparse_categorical_crossentropy", ["accuracy"])
    for _ in range(3):
        model.train_on_batch(X, Y)
    model.save(tmp_path / "m.keras")
    again = load_keras(tmp_path / "m.keras")
    for _ in range(20):
        assert model.train_on_batch(X, Y) == again.train_on_batch(X, Y)


def test_the_archive_is_kerass(tmp_path):
    model = sequential()
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert {i.filename: i.compress_type for i in archive.infolist()} == dict.fromkeys(
            ("metadata.json", "config.json", "model.weights.h5"), zipfile.ZIP_STORED
        )
        config = json.loads(archive.read("config.json"))
        assert json.loads(archive.read("metadata.json"))["keras_version"].startswith("3.")
        archive.extract("model.weights.h5", tmp_path)
    assert (config["module"], config["class_name"]) == ("keras", "Sequential")
    kinds = [(entry["module"], entry["class_name"]) for entry in config["config"]["layers"]]
    assert kinds == [
        ("keras.layers", k) for k in ("InputLayer", "Conv2D", "MaxPooling2D", "Dropout", "Flatten", "Dense")
    ]
    assert config["compile_config"]["optimizer"]["module"] == "keras.optimizers"
    with h5py.File(tmp_path / "model.weights.h5") as file:
        np.testing.assert_array_equal(file["layers/conv2d/vars/0"], model.layers[0].get_weights()[0])
        np.testing.assert_array_equal(file["layers/dense/vars/1"], model.layers[4].get_weights()[1])
        assert file["optimizer/vars/0"][()] == 0


def test_a_connected_model_names_each_call(tmp_path):
    residual().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        config = json.loads(archive.read("config.json"))["config"]
    nodes = {entry["name"]: entry["inbound_nodes"] for entry in config["layers"]}
    history = [node["args"][0]["config"]["keras_history"] for node in nodes["twice"]]
    assert history == [config["input_layers"], ["twice", 0, 0]]
    assert config["output_layers"] == ["out", 0, 0]


def test_weights_of_a_class_are_named_by_its_attributes(tmp_path):
    """Those after "layers" in the alphabet are met there first."""
    model = Net()
    model.build((None, 8, 8, 2))
    model.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5") as file:
        np.testing.assert_array_equal(file["conv/vars/0"], model.conv.get_weights()[0])
        np.testing.assert_array_equal(file["layers/dense/vars/0"], model.out.get_weights()[0])
    other = Net()
    other.build((None, 8, 8, 2))
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    with pytest.raises(ValueError, match=r"give a name in .weights.h5"):
        model.save_weights(tmp_path / "m.h5")


def test_checkpoints_may_be_kerass(tmp_path):
    model = sequential()
    model.compile("sgd", "sparse_categorical_crossentropy")
    keep = convnet.callbacks.ModelCheckpoint(tmp_path / "at-{epoch}.keras")
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[keep])
    np.testing.assert_array_equal(
        load_keras(tmp_path / "at-2.keras").predict(X, verbose=0), model.predict(X, verbose=0)
    )


@pytest.mark.parametrize("make", [
    lambda: layers.Conv2D(2, 3, padding=((1, 0), (0, 1))),
    lambda: layers.MaxPooling2D(padding=((1, 0), (0, 1))),
])  # fmt: skip
def test_what_keras_would_compute_differently_is_not_written(tmp_path, make):
    model = convnet.Sequential([layers.Input((8, 8, 2)), make()])
    with pytest.raises(ValueError, match=r"takes padding='valid' or 'same'"):
        model.save(tmp_path / "m.keras")
    assert not list(tmp_path.iterdir())


def test_a_metric_of_ones_own_is_left_out_with_a_warning(tmp_path):
    class Mine(convnet.metrics.Metric):
        def update(self, y_true, y_pred, weights=None):
            pass

        def result(self):
            return 0.0

    model = sequential()
    model.compile("sgd", "sparse_categorical_crossentropy", [Mine()])
    with pytest.warns(UserWarning, match="without its compilation: Mine is a class of your own"):
        model.save(tmp_path / "m.keras")
    assert load_keras(tmp_path / "m.keras").optimizer is None


@pytest.mark.parametrize("named", [False, True])
def test_several_inputs_and_outputs_come_back_compiled(tmp_path, named):
    image, table = layers.Input((8, 8, 2), name="image"), layers.Input((3,), name="table")
    both = layers.Add()([layers.Dense(4)(layers.Flatten()(image)), layers.Dense(4)(table)])
    kind, size = layers.Dense(3, activation="softmax", name="kind")(both), layers.Dense(1, name="size")(both)
    outputs = {"kind": kind, "size": size} if named else [kind, size]
    model = convnet.Model([image, table], outputs)
    losses, metrics = ["sparse_categorical_crossentropy", "mse"], [["accuracy"], ["mae"]]
    model.compile("adam", losses, metrics, loss_weights=[1.0, 0.5])
    x, y = [X, X[:, 0, :3, 0]], [Y, Y.astype("f")]
    y = dict(zip(("kind", "size"), y, strict=True)) if named else y
    model.train_on_batch(x, y)
    model.save(tmp_path / "m.keras")
    again = load_keras(tmp_path / "m.keras")
    for _ in range(5):
        found = again.train_on_batch(x, y, return_dict=True)
        assert found == model.train_on_batch(x, y, return_dict=True)
    assert {"kind_loss", "size_loss", "kind_accuracy", "size_mae"} <= set(found)
