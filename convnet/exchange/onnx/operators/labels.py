"""ArgMax at the end of a model, and what names the classes behind it: the model's output are the scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.operators.scaling import combined
from convnet.exchange.onnx.values import Label, Value


def argmax(call: Call) -> Label:
    """Convert ArgMax, of equal scores the first."""
    if call.attribute("select_last_index", 0):
        call.refuse("select_last_index=1 is not supported: of equal scores the first is taken")
    x = call.value()
    return Label(x, call.axis(call.attribute("axis", 0), len(x.shape)), bool(call.attribute("keepdims", 1)))


def named(call: Call) -> Label:
    """Convert ArrayFeatureExtractor that looks up the names of classes."""
    label, names = call.argument(1), call.numbers(0)
    if not isinstance(label, Label) or names is None:
        call.refuse("is supported only where it looks up the class of the largest score")
    return replace(label, classes=tuple(str(name) for name in np.ravel(names)))


def scaler(call: Call) -> Value:
    """Convert scikit-learn's Scaler: (x - offset) * scale."""
    x = call.value()
    offset, scale = (np.asarray(call.attribute(name), x.node.dtype) for name in ("offset", "scale"))
    return combined(call, combined(call, x, "subtract", offset), "multiply", scale)


OPERATORS: dict[str, Convert] = {
    "ArgMax": argmax,
    "ai.onnx.ml.ArrayFeatureExtractor": named,
    "ai.onnx.ml.Scaler": scaler,
}
