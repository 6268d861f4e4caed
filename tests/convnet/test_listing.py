"""The document's listing, with `tf.keras` replaced by `convnet`, as it stands."""

import numpy as np

import convnet


class CNN(convnet.Model):
    def __init__(self):
        super(CNN, self).__init__()  # noqa: UP008  (as in the listing)
        self.conv1 = convnet.layers.Conv2D(32, (3, 3), activation="relu")
        self.conv2 = convnet.layers.Conv2D(64, (3, 3), activation="relu")
        self.pool = convnet.layers.MaxPooling2D((2, 2))
        self.flatten = convnet.layers.Flatten()
        self.dense1 = convnet.layers.Dense(128, activation="relu")
        self.dense2 = convnet.layers.Dense(10, activation="softmax")

    def call(self, x):
        x = self.conv1(x)
        x = self.pool(x)
        x = self.conv2(x)
        x = self.pool(x)
        x = self.flatten(x)
        x = self.dense1(x)
        x = self.dense2(x)
        return x


def digits():
    """scikit-learn's real handwritten digits, each pixel as 3x3 of them: the listing needs more than 8x8."""
    from sklearn.datasets import load_digits

    data = load_digits()
    x = np.kron(data.images, np.ones((3, 3))).astype(np.float32)[..., None] / 16
    return x[:1500], data.target[:1500], x[1500:], data.target[1500:]


def test_the_listing_runs_as_it_stands_and_learns():
    convnet.set_random_seed(0)
    x_train, y_train, x_test, y_test = digits()
    model = CNN()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x_train, y_train, epochs=5, batch_size=32, verbose=0)
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    assert accuracy > 0.9  # guessing scores 0.1
    assert loss < 0.4
    assert history.history["loss"][-1] < history.history["loss"][0] / 4


def test_the_same_seed_gives_the_same_weights_to_the_bit():
    x_train, y_train, _, _ = digits()
    weights = []
    for _ in range(2):
        convnet.set_random_seed(7)
        model = CNN()
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
        model.fit(x_train[:100], y_train[:100], epochs=2, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_documents_own_network_learns_by_formula_three():
    from convnet.study.networks import Formula

    convnet.set_random_seed(0)
    x_train, y_train, x_test, y_test = digits()
    one_hot = np.eye(10, dtype=np.float32)
    model = Formula(10)
    model.compile(convnet.optimizers.Adam(0.003), "mse", ["accuracy"])
    model.fit(x_train, one_hot[y_train], epochs=15, verbose=0)
    loss, accuracy = model.evaluate(x_test, one_hot[y_test], verbose=0)
    assert accuracy > 0.8
    assert loss < 0.04  # 0.09 is what always answering 0.1 costs


def test_dropout_and_batchnorm_act_in_training_only():
    convnet.set_random_seed(0)
    x = np.ones((8, 6, 6, 1), np.float32)
    drop = convnet.Sequential([convnet.layers.Flatten(), convnet.layers.Dropout(0.5)])
    np.testing.assert_array_equal(drop(x), 1)
    first, second = drop(x, training=True), drop(x, training=True)
    assert set(np.unique(first)) == {0, 2}
    assert 0.3 < np.mean(first == 0) < 0.7
    assert not np.array_equal(first, second)
    norm = convnet.layers.BatchNormalization(momentum=0.9)
    model = convnet.Sequential([norm])
    np.testing.assert_allclose(model(x), 1 / np.sqrt(1 + 1e-3), rtol=1e-6)  # moving mean 0, variance 1
    np.testing.assert_array_equal(model(x, training=True), 0)  # the batch's own mean is 1
    np.testing.assert_allclose(norm.get_weights()[2:], [[0.1], [0.9]], rtol=1e-6)


def test_training_gives_the_same_bits_with_any_number_of_threads():
    import os
    import subprocess
    import sys

    code = """
import hashlib, numpy as np, convnet
from tests.convnet.test_listing import CNN, digits
convnet.set_random_seed(1)
x, y, _, _ = digits()
model = CNN()
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
model.fit(x[:320], y[:320], epochs=1, verbose=0)
print(hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest())
"""
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "NUMBA_NUM_THREADS": str(threads)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for threads in (1, 2, 3, 7)
    }
    assert len(digests) == 1
    assert len(digests.pop()) == 64
