"""+ - * / on the outputs of layers are NumPy's, as Keras's tensors have them; and the small layers that Keras has."""

import numpy as np
import pytest

import convnet
from convnet import layers

X = np.random.default_rng(0).uniform(0.5, 2, (3, 4, 5, 2)).astype(np.float32)


@pytest.mark.parametrize(
    "formula",
    [
        lambda a: a + a * a,
        lambda a: a - a / (a + 3),
        lambda a: 2 + a,
        lambda a: a - 2,
        lambda a: 2 - a,
        lambda a: 3 * a - a * np.float32(2),
        lambda a: -a,
        lambda a: a / 4,
    ],
)
def test_operators_are_numpys(formula):
    start = layers.Input(X.shape[1:])
    model = convnet.Model(start, formula(start))
    np.testing.assert_allclose(model.predict(X, verbose=0), formula(X), rtol=4e-7)

    class Net(convnet.Model):
        def call(self, x):
            return formula(x)

    np.testing.assert_array_equal(Net().predict(X, verbose=0), model.predict(X, verbose=0))


def test_the_gradient_goes_through_them():
    start = layers.Input((2,))
    model = convnet.Model(start, layers.Dense(1, use_bias=False, kernel_initializer="ones")(-(start * start) / 2 + 3))
    model.compile("sgd", "mean_squared_error")
    model.fit(np.array([[1.0, 2.0]]), np.zeros((1, 1)), verbose=0)
    y = np.array([2.5, 1.0])  # 3 - x^2 / 2
    np.testing.assert_allclose(model.get_weights()[0][:, 0], 1 - 0.01 * 2 * y.sum() * y, rtol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda a: 1 / a, TypeError, "a number divided by it"),
        (lambda a: a**2, TypeError, r"\*\*"),
        (lambda a: a * np.ones(2), TypeError, r"\* with a ndarray"),
        (lambda a: a + True, TypeError, r"\+ with a bool"),
        (lambda a: a / 0, ZeroDivisionError, "is divided by 0"),
    ],
)
def test_what_no_layer_computes_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong(layers.Input((2,)))


def test_softmax_and_identity_are_layers(tmp_path):
    start = layers.Input((4, 3))
    model = convnet.Model(start, layers.Softmax()(layers.Identity()(start)))
    x = X.reshape(-1, 4, 3)
    wanted = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-6)
    model.save(tmp_path / "m.safetensors")
    again = convnet.load(tmp_path / "m.safetensors")
    assert [type(layer).__name__ for layer in again.layers] == ["Identity", "Softmax"]
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    with pytest.raises(ValueError, match="axis must be -1"):
        layers.Softmax(axis=1)


def test_pop_removes_the_last_layer():
    first, last = layers.Dense(3), layers.Dense(2)
    model = convnet.Sequential([layers.InputLayer((4, 5, 2)), layers.Flatten(), first, last])
    full = model.predict(X, verbose=0)
    assert model.pop() is last
    assert model.output.shape == (None, 3)
    np.testing.assert_allclose(model.predict(X, verbose=0) @ last.get_weights()[0], full, rtol=1e-4, atol=1e-5)
    model.add(last)
    np.testing.assert_array_equal(model.predict(X, verbose=0), full)
    with pytest.raises(ValueError, match="there is no layer to remove"):
        convnet.Sequential().pop()


def test_two_layers_of_one_name_are_refused():
    start = layers.Input((2,))
    with pytest.raises(ValueError, match="two layers are called 'twice'"):
        convnet.Model(start, layers.Dense(1, name="twice")(layers.Dense(2, name="twice")(start)))
    model = convnet.Sequential([layers.Dense(2, name="twice")])
    with pytest.raises(ValueError, match="two layers are called 'twice'"):
        model.add(layers.Dense(2, name="twice"))
    shared = layers.Dense(2, name="once")
    convnet.Model(start, shared(shared(start)))


def test_a_checkpoint_may_hold_the_parameters_alone(tmp_path):
    pytest.importorskip("h5py", reason="h5py is in the extra [keras]")
    model = convnet.Sequential([layers.InputLayer((2,)), layers.Dense(1)])
    model.compile("sgd", "mean_squared_error")
    keep = convnet.callbacks.ModelCheckpoint(tmp_path / "at-{epoch}.weights.h5", save_weights_only=True)
    model.fit(np.ones((4, 2)), np.zeros((4, 1)), epochs=2, verbose=0, callbacks=[keep])
    other = convnet.Sequential([layers.InputLayer((2,)), layers.Dense(1)])
    other.load_weights(tmp_path / "at-2.weights.h5")
    assert all(np.array_equal(a, b) for a, b in zip(other.get_weights(), model.get_weights(), strict=True))
    with pytest.raises(ValueError, match=r"must end in .weights.h5 with save_weights_only=True"):
        convnet.callbacks.ModelCheckpoint(tmp_path / "m.keras", save_weights_only=True)
