"""Small models for tests, untrained and trained, and data for them."""

import numpy as np

import convnet
from convnet import layers


def small(**kwargs):
    convnet.set_random_seed(3)
    return convnet.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(3, activation="softmax"),
        ],
        **kwargs,
    )


def data(n=40, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 8, 8, 1)).astype(np.float32), rng.integers(0, 3, n)


def trained(**kwargs):
    model = small(**kwargs)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(*data(), epochs=2, verbose=0)
    return model


class Residual(convnet.Model):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(2, 3, padding="same")
        self.conv2 = layers.Conv2D(2, 3, padding="same", activation="relu")
        self.flatten = layers.Flatten()
        self.drop = layers.Dropout(0.5)
        self.dense = layers.Dense(3, activation="softmax")

    def call(self, x, training=None):
        x = self.conv(x)
        x = x + self.conv2(x)
        if training:
            x = self.drop(x, training=training)
        return self.dense(self.flatten(x))
