"""PReLU, Rescaling, Normalization, Reduce and functions of one number as layers: values, files, errors."""

import numpy as np
import pytest

import convnet
from convnet import layers

X = np.random.default_rng(0).standard_normal((5, 4, 6, 3)).astype("f") * 2


def test_normalization_adapts_to_the_datas_mean_and_variance():
    layer = layers.Normalization()
    layer.adapt(X + np.array([0, 5, -3], "f"))
    y = layer(X + np.array([0, 5, -3], "f"))
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(y.var((0, 1, 2)), 1, rtol=1e-5)
    constant = layers.Normalization()
    constant.adapt(np.full((4, 2), 7.0))
    assert (constant(np.full((3, 2), 7.0, "f")) == 0).all()


@pytest.mark.parametrize("axes", [1, 2, 3, (1, 2), (2, 3), (1, 2, 3)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reduce_is_numpys(axes, keepdims):
    for kind in ("mean", "max", "sum"):
        y = layers.Reduce(kind, axes, keepdims)(X)
        expected = getattr(X.astype(float), kind)(axis=axes, keepdims=keepdims)
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
        assert y.shape == expected.shape


def test_prelu_of_negative_numbers_is_alpha_times_them_and_nan_stays_nan():
    layer = layers.PReLU(shared_axes=[1, 2])
    layer(X)
    assert layer.get_weights()[0].shape == (1, 1, 3)
    alpha = np.array([0.5, -1, 2], "f").reshape(1, 1, 3)
    layer.set_weights([alpha])
    np.testing.assert_array_equal(layer(X), np.where(X > 0, X, alpha * X))
    assert np.isnan(layer(np.full((1, 4, 6, 3), np.nan, "f"))).all()


def test_a_model_of_them_is_the_same_after_saving_and_loading(tmp_path):
    normalization = layers.Normalization()
    normalization.adapt(X)
    stack = [
        layers.Input((4, 6, 3)),
        normalization,
        layers.Rescaling([1.0, 2.0, 0.5], 0.1),
        layers.Conv2D(4, 3, activation="gelu"),
        layers.PReLU("he_normal", [1, 2]),
        layers.ReLU(2.0, 0.1, 0.3),
        layers.LeakyReLU(),
        layers.ELU(0.4),
        layers.Elementwise("clip", low=-1.0, high=np.inf),
        layers.Reduce("sum", (1, 2)),
        layers.Dense(2, activation="hard_swish"),
    ]
    model = convnet.Sequential(stack)
    model.save(tmp_path / "m.safetensors")
    loaded = convnet.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"shared_axes must be the first axes of a sample, .* got \[2\]"):
        layers.PReLU(shared_axes=[2])(X)
    with pytest.raises(ValueError, match="scale has 2 numbers, but samples of"):
        layers.Rescaling([1.0, 2.0])(X)
    with pytest.raises(ValueError, match="axes must be neighbours, counted from 1"):
        layers.Reduce("mean", (1, 3))
    with pytest.raises(ValueError, match=r"have no axis 4"):
        layers.Reduce("mean", 4)(X)
    with pytest.raises(ValueError, match="mean and variance were given"):
        layers.Normalization(mean=0.0, variance=1.0).adapt(X)
    with pytest.raises(ValueError, match="unary: there is no function 'mish'"):
        layers.Elementwise("mish")
