"""predict_on_batch and test_on_batch against numbers from NumPy, SciPy and scikit-learn."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error

import convnet
from convnet.layers import Dense

RNG = np.random.default_rng(3)
X, K, B = (RNG.normal(size=s).astype(np.float32) for s in ((5, 4), (4, 3), (3,)))


def model(activation=None, loss="mse", metrics=()):
    made = convnet.Sequential([convnet.layers.InputLayer((4,)), Dense(3, activation=activation)])
    made.set_weights([K, B])
    made.compile("sgd", loss, metrics=list(metrics))
    return made


def test_predict_on_batch_is_the_matrix_product_and_the_bias():
    assert np.allclose(model().predict_on_batch(X), X @ K + B, rtol=1e-5, atol=1e-6)


def test_predict_on_batch_gives_an_array_of_its_own():
    m = model()
    first = m.predict_on_batch(X)
    kept = first.copy()
    m.predict_on_batch(-X)
    assert np.array_equal(first, kept)


def test_test_on_batch_is_scikit_learns_mean_squared_error():
    y = RNG.normal(size=(5, 3)).astype(np.float32)
    assert model().test_on_batch(X, y) == pytest.approx(mean_squared_error(y, X @ K + B), rel=1e-5)


def test_test_on_batch_is_scikit_learns_log_loss_and_accuracy():
    y, p = np.array([0, 2, 1, 1, 0]), softmax((X @ K + B).astype(float), axis=1)
    loss, accuracy = model("softmax", "sparse_categorical_crossentropy", ["accuracy"]).test_on_batch(X, y)
    assert loss == pytest.approx(log_loss(y, p, labels=[0, 1, 2]), rel=1e-5)
    assert accuracy == pytest.approx(accuracy_score(y, p.argmax(axis=1)))


def test_test_on_batch_weighs_samples_and_leaves_the_parameters_alone():
    m = model("softmax", "sparse_categorical_crossentropy")
    y, w = np.array([0, 2, 1, 1, 0]), np.array([1.0, 2.0, 0.0, 0.5, 1.0])
    p = softmax(X @ K + B, axis=1).astype(float)
    expected = float((w * -np.log(p[np.arange(5), y])).sum() / 5)
    assert m.test_on_batch(X, y, sample_weight=w, return_dict=True)["loss"] == pytest.approx(expected, rel=1e-5)
    assert np.array_equal(m.get_weights()[0], K)
    assert np.array_equal(m.get_weights()[1], B)
