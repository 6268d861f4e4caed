"""Keras's files, made by the format's description: the model computes what its layers say, with the file's numbers."""

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.exchange import load_keras
from convnet.model_file import ModelFileError
from tests.exchange.keras_files import (
    called,
    conv,
    dense,
    functional,
    given,
    initializer,
    keras_file,
    layer,
    numbers,
    sequential,
    tensor,
    weights_file,
)

X = np.random.default_rng(0).standard_normal((3, 6, 6, 2)).astype("f")
KERNEL, BIAS = numbers((3, 3, 2, 4), (4,))
BN = [np.float32([1.5, 0.5, 2, 1]), *numbers((4,), (4,)), np.float32([0.5, 1, 2, 3])]
OUT = numbers((4, 3), (3,))


def expected(first):
    """What the layers compute, by the layers called one by one."""
    x = X
    for made, arrays in first:
        made(x)
        made.set_weights(arrays)
        x = made(x)
    return x


SETTINGS = {"axis": -1, "momentum": 0.9, "epsilon": 0.01, "center": True, "scale": True, "synchronized": False,
            "renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99}  # fmt: skip
ENTRIES = [
    given(6, 6, 2),
    conv("first", 4),
    layer("BatchNormalization", "norm", **SETTINGS),
    layer("GlobalAveragePooling2D", "mean", data_format="channels_last", keepdims=False),
    dense("last", 3, "softmax"),
]
ARRAYS = {
    "": [],
    "layers/conv2d": [KERNEL, BIAS],
    "layers/batch_normalization": BN,
    "layers/global_average_pooling2d": [],
    "layers/dense": OUT,
}


def plain():
    return expected([
        (layers.Conv2D(4, 3, padding="same", activation="relu"), [KERNEL, BIAS]),
        (layers.BatchNormalization(epsilon=0.01), BN),
        (layers.GlobalAveragePooling2D(), []),
        (layers.Dense(3, activation="softmax"), OUT),
    ])  # fmt: skip


def test_a_sequential_is_read(tmp_path):
    model = load_keras(keras_file(tmp_path / "m.keras", sequential("net", *ENTRIES), ARRAYS))
    np.testing.assert_array_equal(model.predict(X, verbose=0), plain())
    assert isinstance(model, convnet.Sequential)
    assert [made.name for made in model.layers] == ["first", "norm", "mean", "last"]
    assert model.name == "net"
    assert model.layers[1].momentum == 0.9


def test_regularizers_are_read(tmp_path):
    costs = {"class_name": "L2", "module": "keras.regularizers", "config": {"l2": 0.25}, "registered_name": None}
    config = sequential("net", given(6, 6, 2), conv("c", 4, kernel_regularizer=costs))
    model = load_keras(keras_file(tmp_path / "m.keras", config, {"layers/conv2d": [KERNEL, BIAS]}))
    assert model.layers[0].kernel_regularizer == {"l1": 0, "l2": 0.25}
    costs["module"] = "my.own"
    with pytest.raises(ModelFileError, match=r"my.own.L2 is not known here"):
        load_keras(keras_file(tmp_path / "n.keras", config, {"layers/conv2d": [KERNEL, BIAS]}))


def test_a_sequential_without_input_is_built_for_the_files_shape(tmp_path):
    config = sequential("net", *ENTRIES[1:], build_config={"input_shape": [None, 6, 6, 2]})
    model = load_keras(keras_file(tmp_path / "m.keras", config, ARRAYS))
    np.testing.assert_array_equal(model.predict(X, verbose=0), plain())


def connected():
    """A layer used twice at two depths, listed before what it reads; `a + b`; a model within the model."""
    inner = sequential("inner", given(6, 6, 2), conv("inside", 2, 1, activation="linear"))
    entries = [
        {**given(6, 6, 2), "name": "start", "inbound_nodes": []},
        called(conv("twice", 2, activation="sigmoid"), tensor("start"), tensor("inner")),
        called(inner, tensor("twice")),
        called(layer("Add", "sum"), [tensor("twice"), tensor("twice", 1)]),
        called({"module": "keras.src.ops.numpy", "class_name": "Add", "config": {"name": "plus"}}, (
            tensor("sum"), tensor("inner"))),
        called(layer("Flatten", "flat", data_format="channels_last"), tensor("plus")),
        called(layer("Dropout", "drop", rate=0.5, seed=None, noise_shape=None), tensor("flat"), training=None),
        called(dense("out", 3), tensor("drop")),
    ]  # fmt: skip
    return functional("wired", entries, [["start", 0, 0]], [["out", 0, 0]])


CONNECTED = {
    "layers/conv2d": numbers((3, 3, 2, 2), (2,)),
    "layers/sequential/layers/conv2d": numbers((1, 1, 2, 2), (2,)),
    "layers/dense": numbers((72, 3), (3,)),
    "layers/dropout/seed_generator": [np.array([1, 2], np.uint32)],
}


def test_a_connected_model_is_read(tmp_path):
    model = load_keras(keras_file(tmp_path / "m.keras", connected(), CONNECTED))
    twice, inside = layers.Conv2D(2, 3, padding="same", activation="sigmoid"), layers.Conv2D(2, 1)
    out = layers.Dense(3)
    for made, arrays, x in zip((twice, inside, out), CONNECTED.values(), (X, X, np.zeros((1, 72), "f")), strict=False):
        made(x)
        made.set_weights(arrays)
    a = twice(X)
    b = inside(a)
    np.testing.assert_array_equal(model.predict(X, verbose=0), out(((a + twice(b)) + b).reshape(3, 72)))


def operation(kind, name):
    return {"module": "keras.src.ops.numpy", "class_name": kind, "config": {"name": name}}


def test_arithmetic_on_tensors_and_numbers_is_read(tmp_path):
    entries = [
        {**given(6, 6, 2), "name": "start", "inbound_nodes": []},
        called(operation("Multiply", "twice"), (tensor("start"), 2.0)),
        called(operation("Subtract", "minus"), (3, tensor("twice"))),
        called(operation("TrueDivide", "half"), (tensor("minus"), tensor("start"))),
        called(operation("Negative", "out"), tensor("half")),
    ]
    wired = functional("wired", entries, [["start", 0, 0]], [["out", 0, 0]])
    model = load_keras(keras_file(tmp_path / "m.keras", wired, {}))
    np.testing.assert_allclose(model.predict(X, verbose=0), -((3 - X * 2) / X), rtol=1e-6)


def test_the_nodes_of_keras_2_are_read(tmp_path):
    config = connected()
    for entry in config["config"]["layers"]:
        if entry["module"] != "keras.src.ops.numpy":
            entry["inbound_nodes"] = [
                [[*t["config"]["keras_history"], {}] for t in (a if isinstance(a, list) else [a])]
                for a in (node["args"][0] for node in entry["inbound_nodes"])
            ]
    new, old = (
        load_keras(keras_file(tmp_path / f"{i}.keras", c, CONNECTED)) for i, c in enumerate((connected(), config))
    )
    np.testing.assert_array_equal(old.predict(X, verbose=0), new.predict(X, verbose=0))


class Net(convnet.Model):
    """The listing's form: layers as attributes, and one in a list; `pool` comes after `layers` in the alphabet."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.pool = layers.MaxPooling2D()
        self.c2 = layers.Conv2D(4, 3, activation="relu")
        self.zoom = layers.Conv2D(2, 1)
        self.heads = [layers.Dense(5, activation="relu"), layers.Dense(units)]
        self.flatten = layers.Flatten()

    def call(self, x):
        x = self.flatten(self.pool(self.c2(self.zoom(x))))
        for head in self.heads:
            x = head(x)
        return x


SUBCLASS = {
    "c2": numbers((3, 3, 2, 4), (4,)),
    "flatten": [],
    "heads/dense": numbers((16, 5), (5,)),
    "heads/dense_1": numbers((5, 3), (3,)),
    "layers/max_pooling2d": [],
    # Keras meets `zoom` in the list of all layers, which comes first in the alphabet; there it is the second Conv2D
    "layers/conv2d_1": numbers((1, 1, 2, 2), (2,)),
}


def own(units=3):
    entry = layer("Net", "net", None, units=units)
    return {**entry, "registered_name": "Net", "build_config": {"input_shape": [1, 6, 6, 2]}}


def test_a_class_of_the_users_is_read_by_its_attributes(tmp_path):
    path = keras_file(tmp_path / "m.keras", own(), SUBCLASS)
    model = load_keras(path, custom_objects={"Net": Net})
    for made, key in ((model.c2, "c2"), (model.zoom, "layers/conv2d_1"), (model.heads[1], "heads/dense_1")):
        np.testing.assert_array_equal(made.get_weights()[0], SUBCLASS[key][0])
    with pytest.raises(ModelFileError, match=r"custom_objects=\{'Net'"):
        load_keras(path)


def test_a_file_of_weights_fills_a_model(tmp_path):
    (tmp_path / "m.weights.h5").write_bytes(weights_file(SUBCLASS))
    model = Net()
    model.build((None, 6, 6, 2))
    assert load_keras(tmp_path / "m.weights.h5", model) is model
    np.testing.assert_array_equal(model.zoom.get_weights()[0], SUBCLASS["layers/conv2d_1"][0])
    with pytest.raises(ValueError, match="no architecture: give the model"):
        load_keras(tmp_path / "m.weights.h5")


@pytest.mark.parametrize("change", [
    {"c2": numbers((3, 3, 2, 4))},
    {"c2": numbers((3, 3, 4, 2), (4,))},
    {"c3": numbers((4,))},
])  # fmt: skip
def test_weights_that_do_not_fit_change_nothing(tmp_path, change):
    (tmp_path / "m.weights.h5").write_bytes(weights_file({**SUBCLASS, **change}))
    model = Net()
    model.build((None, 6, 6, 2))
    before = model.get_weights()
    with pytest.raises(ModelFileError, match=r"c[23].*\((3, 3|4)"):
        model.load_weights(tmp_path / "m.weights.h5")
    for w, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(w, old)


def compiled(optimizer, loss="mse", metrics=None):
    config = {"optimizer": optimizer, "loss": loss, "loss_weights": None, "metrics": metrics, "weighted_metrics": None}
    return {"compile_config": {**config, "run_eagerly": False, "steps_per_execution": 1, "jit_compile": False}}


ADAM = {
    "module": "keras.src.backend.torch.optimizers.torch_adam",
    "class_name": "Adam",
    "config": {"name": "adam", "learning_rate": 0.5, "weight_decay": None, "clipnorm": None, "use_ema": False,
               "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-7, "amsgrad": False},
    "registered_name": "Adam",
}  # fmt: skip


def test_the_optimizer_goes_on_where_it_was(tmp_path):
    """Keras keeps the step count, the rate, and (m, v) of one parameter after the other."""
    moments = numbers((36, 3), (36, 3), (3,), (3,))
    state = [np.int32(5), np.float32(0.5), *moments]
    entries = (given(36), dense("d", 3))
    loss = {"module": "keras.losses", "class_name": "MeanSquaredError", "registered_name": None,
            "config": {"name": "mean_squared_error", "reduction": "sum_over_batch_size"}}  # fmt: skip
    config = sequential("net", *entries, **compiled(ADAM, loss, ["mae"]))
    arrays = {"layers/dense": numbers((36, 3), (3,)), "optimizer": state}
    model = load_keras(keras_file(tmp_path / "m.keras", config, arrays))
    assert model.optimizer.iterations == 5
    assert (model.optimizer.learning_rate, model.optimizer.beta_1) == (0.5, 0.8)
    kernel, bias = model.parameters
    found = [*model.optimizer.states_of(kernel), *model.optimizer.states_of(bias)]
    for kept, moment in zip(found, moments, strict=True):
        np.testing.assert_array_equal(kept, moment)
    assert model.compiled_metrics == ["mae"]


def test_what_cannot_be_compiled_is_said_and_the_model_predicts(tmp_path):
    config = sequential("net", *ENTRIES, **compiled({**ADAM, "class_name": "Ftrl"}))
    with pytest.warns(UserWarning, match=r"not compiled, since .*Ftrl"):
        model = load_keras(keras_file(tmp_path / "m.keras", config, ARRAYS))
    np.testing.assert_array_equal(model.predict(X, verbose=0), plain())
    with pytest.raises(RuntimeError, match="compile"):
        model.fit(X, X)


@pytest.mark.parametrize(("entry", "message"), [
    (layer("LSTM", "memory", units=3), "layer 'memory' is Keras's LSTM, which this engine has not; it has Conv2D"),
    (conv("c", 4, data_format="channels_first"), "data_format must be 'channels_last'"),
    (conv("c", 4, activation="mystery"), "'mystery' is not supported"),
    (conv("c", 4, kernel_constraint=initializer("MaxNorm")), "kernel_constraint"),
    (layer("Conv2D", "c", filters=2, kernel_size=3, surprise=1), "surprise not supported"),
    (layer("Conv2D", "c", "os", filters=2, kernel_size=3), "custom_objects"),
    (layer("Lambda", "f", function={"class_name": "__lambda__", "config": {"code": "4wEAAA=="}}), "Lambda"),
])  # fmt: skip
def test_what_this_engine_has_not_is_refused_by_name(tmp_path, entry, message):
    with pytest.raises(ModelFileError, match=message):
        load_keras(keras_file(tmp_path / "m.keras", sequential("net", given(6, 6, 2), entry), {}))
