"""The networks that the command line trains: the document's listing, for larger images, the formulas', for ECG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convnet import layers
from convnet.initializers import empty_weights
from convnet.layers.naming import unnumbered
from convnet.model import Model


class Listing(Model):
    """The document's listing: two convolutions with ReLU, one pooling layer used twice, two dense layers, softmax.

    `dropout` (0 in the listing) acts before each dense layer. `activation` is the last layer's.
    """

    def __init__(self, classes: int = 10, dropout: float = 0.0, activation: str = "softmax", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conv1 = layers.Conv2D(32, (3, 3), activation="relu")
        self.conv2 = layers.Conv2D(64, (3, 3), activation="relu")
        self.pool = layers.MaxPooling2D((2, 2))
        self.flatten = layers.Flatten()
        self.drop1 = layers.Dropout(dropout)
        self.dense1 = layers.Dense(128, activation="relu")
        self.drop2 = layers.Dropout(dropout)
        self.dense2 = layers.Dense(classes, activation=activation)

    def call(self, x: Any) -> Any:  # type: ignore[override]
        """Return the outputs (N,classes) of images (N,H,W,C)."""
        x = self.conv1(x)
        x = self.pool(x)
        x = self.conv2(x)
        x = self.pool(x)
        x = self.flatten(x)
        x = self.dense1(self.drop1(x))
        return self.dense2(self.drop2(x))


class Gap(Model):
    """For larger images: four convolution stages, then global average pooling where the listing flattens.

    The listing's first dense layer has (H/4 - 2)^2 * 64 * 128 weights, 31 million at 256x256; here the number of
    parameters does not depend on the image's size.
    """

    kernel, pooled = (3, 3), (2, 2)

    def __init__(self, classes: int = 10, dropout: float = 0.0, activation: str = "softmax", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stages = [layers.Conv2D(f, self.kernel, padding="same", use_bias=False) for f in (16, 32, 64, 64)]
        self.norms = [layers.BatchNormalization(momentum=0.9) for _ in self.stages]
        self.relu = layers.Activation("relu")
        self.pool = layers.MaxPooling2D(self.pooled)
        self.gap = layers.GlobalAveragePooling2D()
        self.drop = layers.Dropout(dropout)
        self.dense = layers.Dense(classes, activation=activation)

    def call(self, x: Any) -> Any:  # type: ignore[override]
        """Return the outputs (N,classes) of images (N,H,W,C)."""
        for i, (conv, norm) in enumerate(zip(self.stages, self.norms, strict=True)):
            x = self.relu(norm(conv(x)))
            if i < len(self.stages) - 1:
                x = self.pool(x)
        return self.dense(self.drop(self.gap(x)))


class Resnet(Model):
    """A small residual network: a convolution and pooling, three blocks of two convolutions, global average pooling.

    The second and third block halve the image and double the filters. Its number of parameters, 78 thousand for one
    channel, does not depend on the image's size. Source: He, Zhang, Ren & Sun, CVPR 2016.
    """

    def __init__(self, classes: int = 10, dropout: float = 0.0, activation: str = "softmax", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stem = _convolution(16, 3)
        self.stem_norm = _norm()
        self.blocks = [Block(16), Block(32, 2), Block(64, 2)]
        self.relu = layers.Activation("relu")
        self.pool = layers.MaxPooling2D((2, 2))
        self.gap = layers.GlobalAveragePooling2D()
        self.drop = layers.Dropout(dropout)
        self.dense = layers.Dense(classes, activation=activation)

    def call(self, x: Any) -> Any:  # type: ignore[override]
        """Return the outputs (N,classes) of images (N,H,W,C)."""
        x = self.pool(self.relu(self.stem_norm(self.stem(x))))
        for block in self.blocks:
            x = block(x)
        return self.dense(self.drop(self.gap(x)))


class Block(Model):
    """y = relu(F(x) + x): F is convolution, normalisation, ReLU, convolution, normalisation.

    With a stride, x goes through a 1x1 convolution and normalisation of its own.
    """

    def __init__(self, filters: int, stride: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conv1, self.norm1 = _convolution(filters, 3, stride), _norm()
        self.conv2, self.norm2 = _convolution(filters, 3), _norm()
        projected = stride > 1
        self.shortcut = _convolution(filters, 1, stride) if projected else None
        self.shortcut_norm = _norm() if projected else None
        self.relu = layers.Activation("relu")
        self.add = layers.Add()

    def call(self, x: Any) -> Any:  # type: ignore[override]
        """Return images (N,H/stride,W/stride,filters) of images (N,H,W,C)."""
        y = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        if self.shortcut is not None and self.shortcut_norm is not None:
            x = self.shortcut_norm(self.shortcut(x))
        return self.relu(self.add([y, x]))


def _convolution(filters: int, size: int, stride: int = 1) -> Any:
    return layers.Conv2D(filters, (size, size), strides=stride, padding="same", use_bias=False)


def _norm() -> Any:
    return layers.BatchNormalization(momentum=0.9)


class Formula(Model):
    """The document's own network: convolution (1) -> sigmoid (2) -> pooling -> dense sigmoid, for the loss (3)."""

    def __init__(self, classes: int = 10, dropout: float = 0.0, activation: str = "sigmoid", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conv = layers.Conv2D(8, (5, 5), activation="sigmoid")
        self.pool = layers.MaxPooling2D((2, 2))
        self.flatten = layers.Flatten()
        self.drop = layers.Dropout(dropout)
        self.dense = layers.Dense(classes, activation=activation)

    def call(self, x: Any) -> Any:  # type: ignore[override]
        """Return the outputs (N,classes) of images (N,H,W,C)."""
        return self.dense(self.drop(self.flatten(self.pool(self.conv(x)))))


class Wave(Gap):
    """For electrocardiograms (1, T, leads): the same four stages along time."""

    kernel, pooled = (1, 7), (1, 4)


NETWORKS: dict[str, Any] = {"listing": Listing, "gap": Gap, "resnet": Resnet, "formula": Formula, "wave": Wave}


def check_shape(network: str, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless the network is for images (H, W, C) of this shape."""
    if (shape[0] == 1) != (network == "wave"):
        is_wave = "electrocardiograms" if shape[0] == 1 else "images"
        fits = "--network wave" if shape[0] == 1 else "--network listing, gap or resnet"
        raise ValueError(f"train: the network {network} does not take {is_wave} of shape {shape}: use {fits}")


def _shape_only(network: str, size: int) -> Model:
    """Return the network for two classes on size x size images, its parameters zeros that take no memory."""
    with unnumbered(), empty_weights(2**62):
        model = NETWORKS[network](2)
        model.build((None, 1, size, 12) if network == "wave" else (None, size, size, 1))
    return model


def weights_at(network: str, size: int) -> int:
    """Return how many parameters the network has for images of this size."""
    return _shape_only(network, size).count_params()


def smallest_size(network: str) -> int:
    """Return the smallest image, in pixels a side, that fits through the network's windows."""
    size = 1
    while True:
        try:
            _shape_only(network, size)
            return size
        except ValueError:
            size += 1


def compile_for(
    model: Model,
    network: str,
    learning_rate: float | None = None,
    weight_decay: float = 0.0,
    loss: Any = "sparse_categorical_crossentropy",
    metrics: Sequence[str] = ("accuracy",),
) -> None:
    """Compile a network with a task's loss, or formula (3) on one-hot targets, and Adam, AdamW with decay."""
    from convnet.optimizers import Adam, AdamW

    loss = "mean_squared_error" if network == "formula" else loss
    rate = learning_rate or (0.003 if network == "formula" else 0.001)
    optimizer = AdamW(rate, weight_decay) if weight_decay else Adam(rate)
    model.compile(optimizer=optimizer, loss=loss, metrics=list(metrics))
