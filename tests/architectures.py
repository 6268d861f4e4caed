"""Random architectures: 2 to 6 layers of every kind, drawn so that each fits what stands before it.

A spec is plain data, so that a failure prints it and another library can build the same model.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from convnet import layers, losses
from convnet.engine.graph import Graph, record
from convnet.engine.plan import Plan
from convnet.utils import set_random_seed

ACTIVATIONS = (None, "relu", "sigmoid", "softmax")
LOSSES = {  # name -> (loss, the last layer's activation)
    "mse": (losses.MeanSquaredError, None),
    "mse of sigmoid": (losses.MeanSquaredError, "sigmoid"),
    "mse of softmax": (losses.MeanSquaredError, "softmax"),
    "sparse": (losses.SparseCategoricalCrossentropy, "softmax"),
    "categorical": (losses.CategoricalCrossentropy, "softmax"),
    "binary": (losses.BinaryCrossentropy, "sigmoid"),
}
CLASSES = 3


@dataclass(frozen=True)
class Spec:
    sample: tuple[int, int, int]  # H, W, C
    batch: int
    body: tuple[tuple[Any, ...], ...]  # kind and settings
    head: tuple[tuple[Any, ...], ...]
    loss: str
    seed: int


@st.composite
def _body_layer(draw, shape):
    """One layer for images of this shape, and the shape that it makes."""
    H, W, C = shape
    room = min(H, W)
    kinds = ["conv", "shared conv", "residual", "twice", "batchnorm", "activation", "dropout"]
    kind = draw(st.sampled_from(kinds + ["conv", "maxpool", "avgpool"] * 2))
    if kind in ("maxpool", "avgpool"):
        size = (draw(st.integers(1, min(3, H))), draw(st.integers(1, min(3, W))))
        stride, padding = draw(st.integers(1, 3)), draw(st.sampled_from(["valid", "same"]))
        layer: tuple[Any, ...] = (kind, size, stride, padding)
    elif kind == "conv":
        groups = draw(st.sampled_from([g for g in (1, 2, 3) if C % g == 0]))
        kernel = (draw(st.integers(1, min(3, H))), draw(st.integers(1, min(3, W))))
        dilation = 2 if 2 * (max(kernel) - 1) + 1 <= room and draw(st.booleans()) else 1
        stride = 1 if dilation > 1 else draw(st.integers(1, 2))
        padding, filters = draw(st.sampled_from(["valid", "same"])), groups * draw(st.integers(1, 3))
        layer = (kind, filters, kernel, stride, padding, dilation, groups, draw(st.sampled_from(ACTIVATIONS)))
    elif kind in ("shared conv", "residual"):
        layer = (kind, (draw(st.integers(1, 3)), draw(st.integers(1, 3))), draw(st.sampled_from(ACTIVATIONS)))
    elif kind == "activation":
        layer = (kind, draw(st.sampled_from(ACTIVATIONS[1:])))
    else:
        layer = (kind,)
    return layer


@st.composite
def specs(draw, dropout: bool = True) -> Spec:
    sample = (draw(st.integers(3, 6)), draw(st.integers(3, 6)), draw(st.integers(1, 3)))
    shape, body = sample, []
    for _ in range(draw(st.integers(1, 4))):
        layer = draw(_body_layer(shape))
        if layer[0] == "dropout" and not dropout:
            layer = ("batchnorm",)
        body.append(layer)
        shape = _shape_after(layer, shape)
    head: list[tuple[Any, ...]] = [(draw(st.sampled_from(["flatten", "gap"])),)]
    if draw(st.booleans()):
        head.append(("dense", draw(st.integers(1, 5)), draw(st.sampled_from(ACTIVATIONS))))
        head += draw(st.sampled_from([[], [("shared dense",)], [("batchnorm",)]]))
    return Spec(
        sample,
        draw(st.integers(2, 3)),
        tuple(body),
        tuple(head),
        draw(st.sampled_from(sorted(LOSSES))),
        draw(st.integers(0, 2**31)),
    )


def _shape_after(layer, shape):
    H, W, C = shape
    if layer[0] not in ("conv", "maxpool", "avgpool"):
        return shape
    kernel, stride, padding = layer[2:5] if layer[0] == "conv" else layer[1:4]
    dilation, C = (layer[5], layer[1]) if layer[0] == "conv" else (1, C)
    if padding == "same":
        return -(-H // stride), -(-W // stride), C
    spans = [dilation * (k - 1) + 1 for k in kernel]
    return (H - spans[0]) // stride + 1, (W - spans[1]) // stride + 1, C


@dataclass
class Network:
    """The spec's layers, in the order of the spec; `call` for recording."""

    spec: Spec
    made: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        channels = self.spec.sample[2]
        for layer in self.spec.body:
            self.made.append(_make(layer, channels))
            channels = layer[1] if layer[0] == "conv" else channels
        units = 0
        for layer in self.spec.head:
            units = layer[1] if layer[0] == "dense" else units
            self.made.append(_make(layer, units))
        self.made.append(layers.Dense(CLASSES, activation=LOSSES[self.spec.loss][1]))

    def call(self, node):
        for (kind, *_), layer in zip((*self.spec.body, *self.spec.head, ("last",)), self.made, strict=True):
            if kind in ("shared conv", "shared dense"):
                node = layer(layer(node))
            elif kind == "residual":
                node = node + layer(node)
            elif kind == "twice":
                node = node + node
            else:
                node = layer(node)
        return node


def _make(layer, width: int):
    kind, *rest = layer
    if kind == "conv":
        filters, kernel, stride, padding, dilation, groups, activation = rest
        return layers.Conv2D(filters, kernel, stride, padding, None, dilation, groups, activation)
    if kind in ("shared conv", "residual"):
        return layers.Conv2D(width, rest[0], padding="same", activation=rest[1])
    return {
        "maxpool": lambda: layers.MaxPooling2D(*rest),
        "avgpool": lambda: layers.AveragePooling2D(*rest),
        "batchnorm": lambda: layers.BatchNormalization(),
        "activation": lambda: layers.Activation(*rest),
        "dropout": lambda: layers.Dropout(0.4, seed=5),
        "twice": lambda: None,
        "flatten": lambda: layers.Flatten(),
        "gap": lambda: layers.GlobalAveragePooling2D(),
        "dense": lambda: layers.Dense(rest[0], activation=rest[1]),
        "shared dense": lambda: layers.Dense(width, activation="sigmoid"),
    }[kind]()


def labels(spec: Spec) -> np.ndarray:
    rng = np.random.default_rng(spec.seed + 1)
    classes = rng.integers(0, CLASSES, spec.batch)
    return classes if spec.loss == "sparse" else np.eye(CLASSES)[classes]


def planned(spec: Spec) -> tuple[Plan, Graph, Network]:
    """A plan in float64 with random weights, input and labels, its graph, and the network with its layers."""
    set_random_seed(0)
    network, rng = Network(spec), np.random.default_rng(spec.seed)
    graph = record(network.call, spec.sample, np.float64, True, "test")
    for layer in graph.layers:
        for p in layer.parameters:
            p.value += 0.3 * rng.standard_normal(p.value.shape) * p.trainable
    loss = LOSSES[spec.loss][0]()
    plan = Plan(graph, spec.batch, training=True, loss=loss, input_gradient=True)
    loss.fill(plan.target_array, labels(spec))
    plan.x[...] = rng.standard_normal(plan.x.shape)
    return plan, graph, network
