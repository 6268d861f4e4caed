"""Activations and normalisations beside Keras 3, by name and as layers. Skipped where Keras is not installed."""

import os

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.layers.activations import NAMES

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs Keras: pip install 'formula-convnet[peers]'", exc_type=ImportError)

X = np.random.default_rng(0).standard_normal((4, 5, 6, 3)).astype("f") * 3


@pytest.mark.parametrize("name", NAMES)
def test_an_activation_by_its_name_is_keras(name):
    ours, theirs = layers.Activation(name)(X), keras.layers.Activation(name)(X)
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ReLU", {}),
        ("ReLU", {"max_value": 2.5}),
        ("ReLU", {"max_value": 2.5, "threshold": 1.0}),
        ("ReLU", {"negative_slope": 0.1, "threshold": 0.5}),
        ("ReLU", {"negative_slope": 0.1, "threshold": 0.5, "max_value": 3.0}),
        ("LeakyReLU", {}),
        ("LeakyReLU", {"negative_slope": 0.05}),
        ("ELU", {}),
        ("ELU", {"alpha": 0.3}),
    ],
)
def test_an_activations_layer_is_keras(name, settings):
    ours, theirs = (getattr(library.layers, name)(**settings)(X) for library in (convnet, keras))
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), rtol=2e-5, atol=2e-6)
    defaults = getattr(keras.layers, name)()
    for setting in layers.BUILT_IN[name].settings:
        assert getattr(layers.BUILT_IN[name](), setting) == getattr(defaults, setting)


def test_gelus_approximation_is_keras():
    theirs = keras.ops.convert_to_numpy(keras.ops.gelu(X, approximate=True))
    np.testing.assert_allclose(layers.Elementwise("gelu_tanh")(X), theirs, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("shared_axes", [None, [1, 2]])
def test_prelu_is_keras(shared_axes):
    ours, theirs = (lib.layers.PReLU(shared_axes=shared_axes) for lib in (convnet, keras))
    theirs(X)
    alpha = np.random.default_rng(1).uniform(0, 1, theirs.get_weights()[0].shape).astype("f")
    ours(X)
    for layer in (ours, theirs):
        layer.set_weights([alpha])
    np.testing.assert_allclose(ours(X), keras.ops.convert_to_numpy(theirs(X)), rtol=2e-6)


def test_rescaling_and_normalization_are_keras():
    for name, settings in (
        ("Rescaling", {"scale": 1 / 255, "offset": -0.5}),
        ("Normalization", {"mean": [0.1, 0.2, 0.3], "variance": [1.0, 2.0, 0.0]}),
    ):
        ours, theirs = (getattr(library.layers, name)(**settings)(X) for library in (convnet, keras))
        np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), rtol=2e-5, atol=1e-6)
    layers_ = [library.layers.Normalization() for library in (convnet, keras)]
    for layer in layers_:
        layer.adapt(X)
    ours, theirs = (layer(X) for layer in layers_)
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("LayerNormalization", {}),
        ("LayerNormalization", {"axis": [2, 3], "epsilon": 0.1}),
        ("LayerNormalization", {"axis": (1, 2, 3), "scale": False}),
        ("GroupNormalization", {"groups": 3}),
        ("GroupNormalization", {"groups": 1, "center": False}),
        ("GroupNormalization", {"groups": -1}),
    ],
)
def test_a_normalisation_of_samples_is_keras(name, settings):
    ours, theirs = (getattr(library.layers, name)(**settings) for library in (convnet, keras))
    ours(X)
    theirs(X)
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal(w.shape).astype("f") for w in theirs.get_weights()]
    for layer in (ours, theirs):
        layer.set_weights(weights)
    np.testing.assert_allclose(ours(X), keras.ops.convert_to_numpy(theirs(X)), rtol=2e-5, atol=1e-5)
