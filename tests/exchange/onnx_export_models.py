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


def several() -> Any:
    a, b = convnet.Input((6, 6, 2), name="image"), convnet.Input((5,), name="age")
    x = L.Conv2D(3, 3)(a)
    y = L.Add()([L.Dense(3)(b), L.GlobalAveragePooling2D()(x)])
    return convnet.Model([a, b], [L.Activation("softmax", name="class")(y), x])


MODELS: dict[str, Callable[[], Any]] = {f.__name__: f for f in (listing, residual, image_out, reshaped, several)}


def built(name: str) -> tuple[Any, Any]:
    """The model with statistics that are not those of a new one, and a batch for it, or a list of them."""
    convnet.set_random_seed(3)
    model = MODELS[name]()
    rng = np.random.default_rng(4)
    for layer in model.layers:
        if isinstance(layer, L.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape).astype(np.float32) for w in layer.get_weights()])
    x = [rng.standard_normal((3, *node.shape[1:]), dtype=np.float32) for node in model.inputs]
    return model, x if len(x) > 1 else x[0]


def listed(arrays: Any) -> list[np.ndarray]:
    """One array or several, as a list."""
    return list(arrays) if isinstance(arrays, (list, tuple)) else [arrays]
