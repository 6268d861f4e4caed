"""Models that Keras saved, and models that it loads: predictions, one step and twenty steps, in float64.

Runs where Keras 3 is installed, on the backend that KERAS_BACKEND names.
"""

import os

import numpy as np
import pytest

import convnet
from convnet.exchange import load_keras

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs Keras: pip install 'formula-convnet[peers]'", exc_type=ImportError)
pytest.importorskip("h5py", reason="needs h5py: pip install 'formula-convnet[keras]'")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((16, 12, 12, 2))
Y = RNG.integers(0, 3, 16)


@pytest.fixture(autouse=True, scope="module")
def double():
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx(before)


def start(library):
    return library.layers.Input((12, 12, 2), dtype="float64") if library is convnet else library.Input((12, 12, 2))


def sequential(library):
    given, L = start(library), library.layers
    rest = L.MaxPooling2D(), L.Flatten(), L.Dense(8, activation="relu")
    own = {"dtype": "float64"} if library is convnet else {}
    first = [convnet.layers.InputLayer((12, 12, 2))] if library is convnet else [given]
    model = library.Sequential([*first, L.Conv2D(4, 3, activation="relu", use_bias=False), *rest, L.Dense(3)], **own)
    return model, "SparseCategoricalCrossentropy"


def functional(library):
    L, i = library.layers, start(library)
    shared = L.Conv2D(2, 3, padding="same", activation="relu")
    a = shared(i)
    y = L.Add()([shared(a), a])
    inner = library.Sequential([L.Conv2D(3, 1), L.AveragePooling2D(2)], **own_type(library))
    y = inner(y)
    left, right = L.Flatten()(y), L.GlobalAveragePooling2D()(y)
    return library.Model(i, L.Dense(3)(left) + L.Dense(3)(right)), "SparseCategoricalCrossentropy"


def own_type(library):
    return {"dtype": "float64"} if library is convnet else {}


def listing(library):
    """The listing's form: a class with layers as attributes, called in `call`."""

    class Net(library.Model):
        def __init__(self, **kwargs):
            super().__init__(**own_type(library) | kwargs)
            L = library.layers
            self.conv1, self.conv2 = (L.Conv2D(4, 3, activation="relu") for _ in "12")
            self.pool, self.flatten = L.MaxPooling2D(), L.Flatten()
            self.dense1, self.heads = L.Dense(6, activation="relu"), [L.Dense(3)]

        def call(self, x):
            x = self.pool(self.conv2(self.conv1(x)))
            return self.heads[0](self.dense1(self.flatten(x)))

    model = Net()
    model(np.zeros((1, 12, 12, 2)))
    return model, "SparseCategoricalCrossentropy"


def normalized(library):
    L, i = library.layers, start(library)
    y = L.BatchNormalization(momentum=0.9, epsilon=0.01)(L.Conv2D(4, 3, use_bias=False)(i))
    return library.Model(
        i, L.Dense(3)(L.GlobalAveragePooling2D()(L.Activation("relu")(y)))
    ), "SparseCategoricalCrossentropy"


MODELS = {"sequential": sequential, "functional": functional, "listing": listing, "normalized": normalized}
# Keras rounds an optimizer's numbers to float32 whatever the model's type: these are float32's already
MOMENTS = {"beta_1": 1 - 2**-3, "beta_2": 1 - 2**-10, "epsilon": 2.0**-23}
OPTIMIZERS = {
    "Adam": MOMENTS,
    "SGD": {"momentum": 1 - 2**-3, "nesterov": True},
    "RMSprop": {"rho": 1 - 2**-3, "momentum": 0.5, "centered": True, "epsilon": 2.0**-23},
    "AdamW": {**MOMENTS, "weight_decay": 2.0**-7},
}


def compiled(library, kind, optimizer):
    model, loss = MODELS[kind](library)
    made = getattr(library.optimizers, optimizer)(2.0**-7, **OPTIMIZERS[optimizer])
    model.compile(made, getattr(library.losses, loss)(from_logits=True), metrics=["accuracy"])
    return model


def train(model, steps):
    return [model.train_on_batch(X, Y)[0] for _ in range(steps)]


def in_single(kind):
    """Keras multiplies matrices in float32 on PyTorch, and normalises in it, whatever the model's type."""
    return keras.backend.backend() != "tensorflow" or kind == "normalized"


def alike(ours, theirs, kind, growth=1.0):
    bound = (2e-6 if in_single(kind) else 1e-12) * growth
    found, expected = ours.predict(X, verbose=0), theirs.predict(X, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound * max(np.abs(expected).max(), 1))


def together(ours, theirs, kind):
    """Twenty losses of both, step by step, then the predictions.

    Keras gathers losses in float32 whatever the model's type.
    """
    losses = train(ours, 20), train(theirs, 20)
    np.testing.assert_allclose(losses[0][0], losses[1][0], rtol=2e-6 if in_single(kind) else 2e-7)
    np.testing.assert_allclose(*losses, rtol=1e-4 if in_single(kind) else 2e-7)
    if not in_single(kind):
        alike(ours, theirs, kind, growth=1e3)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", MODELS)
def test_a_model_of_keras_goes_on_here_as_there(tmp_path, kind, optimizer):
    theirs = compiled(keras, kind, optimizer)
    train(theirs, 3)
    theirs.save(tmp_path / "m.keras")
    own = {"Net": type(listing(convnet)[0])} if kind == "listing" else None
    ours = load_keras(tmp_path / "m.keras", custom_objects=own)
    alike(ours, theirs, kind)
    together(ours, theirs, kind)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", MODELS)
def test_a_model_of_ours_goes_on_in_keras(tmp_path, kind, optimizer):
    ours = compiled(convnet, kind, optimizer)
    train(ours, 3)
    ours.save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras")
    alike(ours, theirs, kind)
    together(ours, theirs, kind)


@pytest.mark.parametrize("kind", MODELS)
def test_files_of_weights_go_both_ways(tmp_path, kind):
    ours, theirs = compiled(convnet, kind, "Adam"), compiled(keras, kind, "Adam")
    theirs.save_weights(tmp_path / "a.weights.h5")
    ours.load_weights(tmp_path / "a.weights.h5")
    alike(ours, theirs, kind)
    train(ours, 2)
    ours.save_weights(tmp_path / "b.weights.h5")
    theirs.load_weights(tmp_path / "b.weights.h5")
    alike(ours, theirs, kind)


# each layer by Keras's name: its arguments, and the shape of its input
LAYERS = [
    ("Activation", {"activation": a}, (6, 5, 3))
    for a in ("relu", "sigmoid", "softmax", "tanh", "elu", "selu", "gelu", "silu", "softplus", "hard_sigmoid",
              "hard_silu", "leaky_relu", "relu6", "softsign", "exponential")
] + [
    ("ReLU", {"max_value": 6.0, "negative_slope": 0.1, "threshold": 0.25}, (6, 5, 3)),
    ("LeakyReLU", {"negative_slope": 0.2}, (6, 5, 3)),
    ("ELU", {"alpha": 0.7}, (6, 5, 3)),
    ("PReLU", {"shared_axes": [1, 2]}, (6, 5, 3)),
    ("PReLU", {}, (7,)),
    ("Softmax", {}, (6, 5, 3)),
    ("Rescaling", {"scale": 0.5, "offset": -1.0}, (6, 5, 3)),
    ("Normalization", {"mean": [0.1, 0.2, 0.3], "variance": [1.0, 2.0, 3.0]}, (6, 5, 3)),
    ("LayerNormalization", {"epsilon": 0.01}, (6, 5, 3)),
    ("GroupNormalization", {"groups": 2}, (6, 5, 4)),
    ("BatchNormalization", {"center": False}, (6, 5, 3)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "groups": 2}, (7, 6, 4)),
    ("Conv2D", {"filters": 4, "kernel_size": (3, 2), "dilation_rate": 2, "use_bias": False}, (7, 6, 2)),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "strides": 2}, (9, 2)),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2, "padding": "same"}, (7, 6, 3)),
    ("SeparableConv2D", {"filters": 5, "kernel_size": 3, "depth_multiplier": 2}, (7, 6, 3)),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, (5, 4, 2)),
    ("MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, (7, 6, 3)),
    ("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, (7, 6, 3)),
    ("MaxPooling1D", {"pool_size": 3}, (9, 2)),
    ("AveragePooling1D", {"pool_size": 3, "padding": "same"}, (10, 2)),
    ("GlobalMaxPooling2D", {"keepdims": True}, (7, 6, 3)),
    ("GlobalAveragePooling2D", {}, (7, 6, 3)),
    ("GlobalAveragePooling1D", {}, (7, 3)),
    ("GlobalMaxPooling1D", {}, (7, 3)),
    ("UpSampling2D", {"size": (2, 3)}, (4, 3, 2)),
    ("UpSampling2D", {"size": 2, "interpolation": "bilinear"}, (4, 3, 2)),
    ("Resizing", {"height": 7, "width": 5}, (4, 3, 2)),
    ("ZeroPadding2D", {"padding": ((1, 2), (0, 3))}, (4, 3, 2)),
    ("Cropping2D", {"cropping": ((1, 0), (0, 1))}, (4, 3, 2)),
    ("Permute", {"dims": (2, 3, 1)}, (4, 3, 2)),
    ("Reshape", {"target_shape": (6, 4)}, (4, 3, 2)),
    ("RepeatVector", {"n": 3}, (4,)),
    ("SpatialDropout2D", {"rate": 0.3}, (4, 3, 2)),
    ("GaussianNoise", {"stddev": 0.3}, (4, 3, 2)),
    ("GaussianDropout", {"rate": 0.3}, (4, 3, 2)),
    ("RandomFlip", {"mode": "vertical"}, (4, 3, 2)),
    ("RandomRotation", {"factor": (-0.1, 0.2), "fill_mode": "nearest"}, (4, 3, 2)),
    ("RandomTranslation", {"height_factor": 0.1, "width_factor": 0.2}, (4, 3, 2)),
    ("RandomZoom", {"height_factor": 0.1, "interpolation": "nearest"}, (4, 3, 2)),
    ("RandomContrast", {"factor": 0.3, "value_range": (0, 1)}, (4, 3, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "shape"), LAYERS)
def test_a_layer_goes_there_and_back(tmp_path, name, settings, shape):
    if name not in convnet.layers.BUILT_IN:
        pytest.skip(f"{name} is not here")
    if name == "AveragePooling2D" and keras.backend.backend() == "torch":
        pytest.skip("on PyTorch, Keras repeats the border for padding='same' where its other backends leave it out")
    x = np.random.default_rng(1).standard_normal((3, *shape)) * 2
    made = getattr(keras.layers, name)(**settings)
    theirs = keras.Sequential([keras.Input(shape), made])
    theirs.set_weights([np.random.default_rng(2).uniform(0.5, 1.5, w.shape) for w in theirs.get_weights()])
    theirs.save(tmp_path / "m.keras")
    ours = load_keras(tmp_path / "m.keras")
    ours.save(tmp_path / "n.keras")
    expected = theirs.predict(x, verbose=0)
    bound = 2e-6 * max(np.abs(expected).max(), 1)
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, rtol=0, atol=bound)
    np.testing.assert_allclose(
        keras.models.load_model(tmp_path / "n.keras").predict(x, verbose=0), expected, rtol=0, atol=bound
    )
