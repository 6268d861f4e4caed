"""Functions of single numbers, and softmax."""

from __future__ import annotations

from math import prod
from typing import Any

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.values import Value


def named(name: str) -> Convert:
    """Return the conversion into an activation of this name, which leaves the axes as they are."""

    def convert(call: Call) -> Value:
        from convnet.layers import Activation

        x = call.value()
        return Value(call.layer(Activation, x.node, activation=name), x.layout)

    return convert


def softmax(call: Call) -> Value:
    """Convert Softmax; before opset 13 it is over all axes from `axis` on."""
    from convnet.layers import Activation

    x = call.value()
    rank = len(x.shape)
    first = call.axis(call.attribute("axis"), rank)
    rows = flat_rows(x, first) if call.attribute("flat") else x.as_rows(first)
    return Value(call.layer(Activation, rows.node, activation="softmax"), x.layout)


def flat_rows(x: Value, first: int) -> Value:
    """Return the value with ONNX's axes from `first` on as one, the last."""
    merged = Value(x.node, x.layout.reshaped((*x.shape[:first], prod(x.shape[first:]))))
    return Value(merged.as_rows(first).node, x.layout)


def dropout(call: Call) -> Value:
    """Convert Dropout: nothing in inference, a mask in training."""
    from convnet.layers import Dropout

    if call.used(1):
        call.refuse("its second output, the mask, is not supported")
    mode, ratio = call.numbers(2), call.numbers(1)
    if mode is not None and bool(mode):
        call.refuse("training_mode=1 drops numbers in inference as well: export the model for inference")
    x = call.value()
    rate = 0.5 if ratio is None else float(str(ratio.reshape(-1)[0]))
    return Value(call.layer(Dropout, x.node, rate=rate), x.layout)


def unchanged(call: Call) -> Any:
    """Convert Identity: nothing is done."""
    return call.value()


OPERATORS: dict[str, Convert] = {
    "Dropout": dropout,
    "Identity": unchanged,
    "Relu": named("relu"),
    "Sigmoid": named("sigmoid"),
    "Softmax": softmax,
}
