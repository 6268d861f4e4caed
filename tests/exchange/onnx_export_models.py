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
    x = L.Activation("log_softmax")(L.Activation("softmax")(x))
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


def functions() -> Any:
    x = start = convnet.Input((6, 6, 2))
    x = L.Conv2D(3, 3, activation="tanh")(x)
    for name in ("relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "softsign", "hard_sigmoid"):
        x = L.Activation(name)(x)
    for layer in (
        *(L.Activation("hard_silu"), L.Activation("exponential"), L.ReLU(max_value=3.0), L.LeakyReLU(), L.ELU(0.5)),
        *(L.Elementwise("clip", low=-1.0, high=2.5), L.Elementwise("gelu_tanh"), L.Elementwise("clip", low=0.1)),
        L.Elementwise("hard_sigmoid", alpha=0.3, beta=0.4),
    ):
        x = layer(x)
    return convnet.Model(start, L.Activation("gelu")(L.Dense(3)(L.Flatten()(x))))


def pieces() -> Any:
    x = start = convnet.Input((6, 8, 3))
    a = L.Conv2D(4, 3, padding="same", activation="relu")(x)
    s = L.Conv2D(4, 1, activation="sigmoid")(L.GlobalAveragePooling2D(keepdims=True)(a))
    b = L.Subtract()([L.Multiply()([a, s]), L.Minimum()([a, s])])
    c = L.Concatenate(axis=1)(
        [L.Average()([L.Concatenate()([a, b]), L.Concatenate()([b, a])]), L.Concatenate()([a, a])]
    )
    c = L.Cropping2D(((0, 1), (2, 0)))(L.ZeroPadding2D(((1, 2), (0, 3)))(c))
    u = L.UpSampling2D((3, 2), interpolation="bilinear")(L.UpSampling2D(2)(c))
    u = L.Resizing(9, 11, coordinates="align_corners")(u)
    for paddings, settings in (
        (((1, 2), (2, 1), (0, 0)), {"mode": "reflect"}),
        (((0, 0), (1, 0), (0, 1)), {"mode": "edge"}),
        (((0, 0), (1, 0), (0, 1)), {"value": -1.5}),
    ):
        u = L.Padding(paddings, **settings)(u)
    u = L.Slicing((None, (None, None, -2), (1, None, 1)))(u)
    shift = L.ConstantArithmetic("subtract", (9,), reversed=True)
    made = convnet.Model(start, [shift(u), L.Flatten()(s)])
    shift.constant.value[...] = np.arange(9)
    return made


def normalized() -> Any:
    x = start = convnet.Input((5, 6, 4))
    x = L.GroupNormalization(-1)(L.GroupNormalization(2)(L.Conv2D(6, 3)(x)))
    x = L.LayerNormalization(axis=(1, 2, 3))(L.LayerNormalization()(x))
    x = L.Rescaling(2.0, -0.5)(L.PReLU(shared_axes=[1, 2])(x))
    x = L.Dense(3)(L.LayerNormalization()(L.Flatten()(L.Reduce("sum", (1,))(x))))
    return convnet.Model(start, x)


def transposed() -> Any:
    x = start = convnet.Input((5, 6, 4))
    x = L.Conv2DTranspose(6, 3, strides=2, padding="same", groups=2, activation="relu")(x)
    x = L.Conv2DTranspose(3, (2, 3), strides=(3, 2), padding=((1, 0), (0, 1)), output_padding=(1, 1))(x)
    x = L.Conv2DTranspose(2, 2, dilation_rate=2, use_bias=False)(x)
    x = L.MaxPooling2D(2, 1, dilation_rate=2, padding="same")(x)
    return convnet.Model(start, L.AveragePooling2D(3, 2, ((1, 1), (1, 1)), ceil_mode=True, count_include_pad=True)(x))


MODELS: dict[str, Callable[[], Any]] = {
    f.__name__: f for f in (listing, residual, image_out, reshaped, several, functions, pieces, normalized, transposed)
}


def built(name: str) -> tuple[Any, Any]:
    """The model with statistics that are not those of a new one, and a batch for it, or a list of them."""
    convnet.set_random_seed(3)
    model = MODELS[name]()
    rng = np.random.default_rng(4)
    for layer in model.layers:
        if "ormalization" in type(layer).__name__ or isinstance(layer, L.PReLU):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape).astype(np.float32) for w in layer.get_weights()])
    x = [rng.standard_normal((3, *node.shape[1:]), dtype=np.float32) for node in model.inputs]
    return model, x if len(x) > 1 else x[0]


def listed(arrays: Any) -> list[np.ndarray]:
    """One array or several, as a list."""
    return list(arrays) if isinstance(arrays, (list, tuple)) else [arrays]
