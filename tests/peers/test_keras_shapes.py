"""Beside Keras 3: layers that merge, pad, cut and resize, transposed, depthwise, separable and 1-D ones."""

import os

import numpy as np
import pytest

import convnet

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs Keras: pip install 'formula-convnet[peers]'", exc_type=ImportError)

RNG = np.random.default_rng(0)
IMAGE, SIGNAL = RNG.standard_normal((2, 7, 6, 4)).astype("f"), RNG.standard_normal((2, 11, 4)).astype("f")
# name, settings, input
LAYERS = [
    ("ZeroPadding2D", {"padding": ((1, 2), (0, 3))}, IMAGE),
    ("ZeroPadding2D", {"padding": (2, 1)}, IMAGE),
    ("Cropping2D", {"cropping": ((1, 2), (0, 3))}, IMAGE),
    ("UpSampling2D", {"size": (2, 3)}, IMAGE),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}, IMAGE),
    ("Resizing", {"height": 5, "width": 9}, IMAGE),
    ("Resizing", {"height": 14, "width": 3, "interpolation": "nearest"}, IMAGE),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": (3, 2), "strides": 2}, IMAGE),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 2, "strides": 3}, IMAGE),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 4, "strides": 2, "padding": "same"}, IMAGE),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1}, IMAGE),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "activation": "tanh"}, IMAGE),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2, "strides": 2, "padding": "same"}, IMAGE),
    ("DepthwiseConv2D", {"kernel_size": (2, 3), "activation": "relu"}, IMAGE),
    ("SeparableConv2D", {"filters": 5, "kernel_size": 3, "depth_multiplier": 2}, IMAGE),
    ("Conv1D", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, SIGNAL),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "dilation_rate": 2, "padding": "causal"}, SIGNAL),
    ("Conv1D", {"filters": 4, "kernel_size": (2,), "groups": 2, "activation": "sigmoid"}, SIGNAL),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, SIGNAL),
    ("AveragePooling1D", {"pool_size": 3}, SIGNAL),
    ("GlobalAveragePooling1D", {}, SIGNAL),
    ("GlobalMaxPooling1D", {"keepdims": True}, SIGNAL),
]


@pytest.mark.parametrize(("name", "settings", "x"), LAYERS, ids=lambda v: v if isinstance(v, str) else "")
def test_a_layer_with_keras_parameters_computes_what_keras_computes(name, settings, x):
    theirs, ours = (getattr(library.layers, name)(**settings) for library in (keras, convnet))
    expected = np.asarray(keras.ops.convert_to_numpy(theirs(x)))
    assert ours(x).shape == expected.shape
    weights = [RNG.standard_normal(w.shape).astype("f") for w in theirs.get_weights()]
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in weights]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    np.testing.assert_allclose(ours(x), keras.ops.convert_to_numpy(theirs(x)), rtol=2e-5, atol=2e-5)
    for mine, given in zip(ours.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(mine, given)


@pytest.mark.parametrize("name", ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"])
@pytest.mark.parametrize("shape", [(2, 7, 6, 4), (2, 1, 1, 4)])
def test_merging_is_keras(name, shape):
    other = RNG.standard_normal(shape).astype("f")
    given = [IMAGE, other] if name == "Subtract" else [IMAGE, other, IMAGE[::-1].copy()]
    theirs, ours = (getattr(library.layers, name)()(given) for library in (keras, convnet))
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_concatenation_is_keras(axis):
    given = [IMAGE, IMAGE[::-1].copy()]
    theirs, ours = (library.layers.Concatenate(axis=axis)(given) for library in (keras, convnet))
    np.testing.assert_array_equal(ours, keras.ops.convert_to_numpy(theirs))
