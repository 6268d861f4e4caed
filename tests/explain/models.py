"""Small networks that have every layer of the engine between them, with every setting."""

import numpy as np

from convnet import Input, Model, layers


def image(shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).random(shape).astype(dtype)


def settled(model):
    """Weights off their starting values: biases that are not 0, statistics that are not 0 and 1."""
    rng = np.random.default_rng(1)
    moved = [w + 0.03 * rng.standard_normal(w.shape).astype(w.dtype) for w in model.get_weights()]
    model.set_weights(moved)
    return model


def everything(dtype="float32"):
    """Strides, padding, dilation, groups, a skipped connection, every pooling and activation."""
    start = Input((11, 12, 2), dtype)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(start)
    side = layers.Conv2D(8, (3, 2), padding="same", dilation_rate=2, groups=2, use_bias=False)(x)
    side = layers.Activation("sigmoid")(layers.BatchNormalization()(side))
    x = layers.Dropout(0.3, seed=5)(layers.Add()([x, side]))
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    x = layers.Conv2D(8, 3, strides=(2, 1), padding="same", groups=8, activation="softmax")(x)  # depthwise
    x = layers.AveragePooling2D((2, 3), strides=1, padding="same")(x)
    x = layers.Conv2D(208, 1)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return settled(Model(start, layers.Dense(4, activation="softmax")(x), name="everything"))


def listing(classes=10):
    """The listing's network, its last layer's answer a softmax."""
    from convnet.study.networks import Listing

    model = Listing(classes, name="listing")
    model.build((None, 28, 28, 1))
    return settled(model)


def formula():
    """Sigmoids and formula (3); two classes from two sigmoids."""
    from convnet.study.networks import Formula

    model = Formula(2, name="formula")
    model.build((None, 12, 12, 1))
    return settled(model)


def scores():
    """No last activation: the cross-entropy works on scores. Into one channel, where the kernel sums along lanes."""
    start = Input((9, 9, 8))
    x = layers.Conv2D(2, 3, strides=2)(start)
    return settled(Model(start, layers.Dense(3)(layers.Flatten()(x)), name="scores"))


def reshaped():
    """Another shape of the same numbers, and the largest pixel of each whole channel."""
    start = Input((6, 6, 4))
    x = layers.Conv2D(3, 3)(layers.Reshape((6, 12, 2))(start))
    return settled(Model(start, layers.Dense(3)(layers.GlobalMaxPooling2D()(x)), name="reshaped"))


def rearranged():
    """Branches that are multiplied, compared and put together; padding, slices and resizing."""
    start = Input((6, 7, 4))
    x = layers.Conv2D(4, 3)(layers.ZeroPadding2D(((1, 2), (0, 3)))(start))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Concatenate()([layers.Multiply()([x, gate]), layers.Maximum()([x, gate]), x])
    x = layers.Average()([x, layers.Slicing((None, (None, None, -1), None))(x)])
    x = layers.UpSampling2D(2, interpolation="bilinear")(layers.ConstantArithmetic("subtract", (1,), True)(x))
    x = layers.Padding(((2, 0), (0, 1), (0, 0)), "reflect")(layers.Cropping2D(1)(x))
    x = layers.Conv2DTranspose(2, 3, strides=2, padding="same")(layers.MaxPooling2D(2, dilation_rate=2)(x))
    return settled(Model(start, layers.Dense(3)(layers.Flatten()(x)), name="rearranged"))


def functions():
    """Every function of one number, one after the other."""
    from kernels.unary.functions import FUNCTIONS, SELU

    x = start = Input((5, 6, 3))
    numbers = {"rectify": {"negative_slope": 0.3, "max_value": 1.5}, "elu": SELU, "clip": {"low": -0.5, "high": 0.8}}
    for name in FUNCTIONS:
        x = layers.Conv2D(3, 1)(layers.Elementwise(name, numbers.get(name))(x))
    x = layers.Activation("log_softmax")(x)
    return settled(Model(start, layers.Dense(3)(layers.Flatten()(x)), name="functions"))


def groups():
    """Layer, group and instance normalisation."""
    start = Input((4, 5, 6))
    x = layers.LayerNormalization()(start)
    x = layers.GroupNormalization(2)(layers.Conv2D(6, 2)(x))
    x = layers.GroupNormalization(-1)(x)
    x = layers.LayerNormalization((1, 2, 3))(x)
    return settled(Model(start, layers.Dense(3)(layers.Flatten()(x)), name="groups"))


def digits():
    """Return scikit-learn's digits, 8x8, from 0 to 1: images and labels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.images / 16).astype(np.float32)[..., None], found.target
