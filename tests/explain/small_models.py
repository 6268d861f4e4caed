"""Small models that the tests of explanations share."""

import numpy as np

import convnet
from convnet import layers


def cam_model(size=12, classes=3, dtype="float64"):
    """Convolutions, global average pooling, one dense layer: for it, Grad-CAM is CAM."""
    model = convnet.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu"),
            layers.Conv2D(5, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes, activation="softmax"),
        ],
        dtype=dtype,
    )
    model.build((None, size, size, 2))
    return model


def image(size=12, channels=2, seed=0):
    return np.random.default_rng(seed).standard_normal((size, size, channels))


def lesions(n, size=16, seed=0):
    """Noise, half of the images with a bright square at a random place: (x, y, the squares' corners)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 0.3, (n, size, size, 1)).astype(np.float32)
    y, corners = np.arange(n) % 2, rng.integers(0, size - 4, (n, 2))
    for one, label, (top, left) in zip(x, y, corners, strict=True):
        one[top : top + 5, left : left + 5] += label
    return x, y, corners


def trained_on_lesions():
    """A network that has learned to see the square, and 12 fresh images that hold one."""
    x, y, _ = lesions(600)
    model = convnet.Sequential(
        [
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(x, y, epochs=12, batch_size=32, verbose=0)
    fresh, labels, corners = lesions(40, seed=1)
    assert model.evaluate(fresh, labels, verbose=0)[1] > 0.9
    seen = (labels == 1) & (model.predict(fresh).argmax(axis=1) == 1)
    return model, fresh[seen][:12], corners[seen][:12]
