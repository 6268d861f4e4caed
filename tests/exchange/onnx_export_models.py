"""Models that are written as ONNX in tests: each operation of the engine is in one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import convnet
from convnet import layers as L


def listing() -> Any:
    stack = [
        *(convnet.Input((9, 9, 1)), L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D(), L.Dropout(0.5), L.Flatten()),
        L.Dense(3, activation="softmax"),
    ]
    return convnet.Sequential(stack)


def residual() -> Any:
    x = start = convnet.Input((9, 8, 2))
    x = L.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(x)
    x = L.BatchNormalization()(x)
    x = y = L.Activation("sigmoid")(x)
    x = L.Conv2D(4, 3, padding=((2, 0), (1, 1)), groups=2)(x)
    x = L.Add()([x, y])
    x = L.AveragePooling2D(3, 2, "same")(x)
    x = L.Activation("softmax")(x)
    x = L.GlobalAveragePooling2D()(x)
    x = L.BatchNormalization()(x)
    x = L.Dense(5, activation="sigmoid", use_bias=False)(x)
    return convnet.Model(start, x)


def image_out() -> Any:
    x = start = convnet.Input((6, 6, 1))
    x = L.Conv2D(3, 3, dilation_rate=2, padding="same", activation="softmax")(x)
    return convnet.Model(start, x)


def reshaped() -> Any:
    x = start = convnet.Input((4, 6, 2))
    x = L.Reshape((8, 6))(x)
    x = L.BatchNormalization()(x)
    x = L.Reshape((2, 4, 6))(x)
    x = L.GlobalMaxPooling2D()(L.Conv2D(2, 1)(x))
    return convnet.Model(start, x)


MODELS: dict[str, Callable[[], Any]] = {f.__name__: f for f in (listing, residual, image_out, reshaped)}


def built(name: str) -> tuple[Any, np.ndarray]:
    """The model with statistics that are not those of a new one, and a batch for it."""
    convnet.set_random_seed(3)
    model = MODELS[name]()
    rng = np.random.default_rng(4)
    for layer in model.layers:
        if isinstance(layer, L.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape).astype(np.float32) for w in layer.get_weights()])
    x = rng.standard_normal((3, *model.input_shape), dtype=np.float32)
    return model, x
