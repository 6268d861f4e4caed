"""Functions of single numbers, and softmax."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.values import Value, short


def named(name: str) -> Convert:
    """Return the conversion into an activation of this name, which leaves the axes as they are."""

    def convert(call: Call) -> Value:
        from convnet.layers import Activation

        x = call.value()
        return Value(call.layer(Activation, x.node, activation=name), x.layout)

    return convert


def function(kind: str, **numbers: tuple[str, float]) -> Convert:
    """Return the conversion into a function of single numbers, its numbers being attributes with these defaults."""

    def convert(call: Call) -> Value:
        found = {name: short(call.attribute(of, default)) for name, (of, default) in numbers.items()}
        return of_numbers(call, kind, found)

    return convert


def of_numbers(call: Call, kind: str, numbers: dict[str, float]) -> Value:
    """Return the layer of a function of `kernels.unary`: Keras's, if Keras has it."""
    x = call.value()
    if kind == "rectify" and set(numbers) <= {"max_value"}:
        node = call.layer(call.kind("ReLU"), x.node, **numbers)
    elif kind == "rectify" and set(numbers) == {"negative_slope"}:
        node = call.layer(call.kind("LeakyReLU"), x.node, **numbers)
    elif kind == "elu" and set(numbers) == {"alpha"}:
        node = call.layer(call.kind("ELU"), x.node, **numbers)
    else:
        node = call.layer(call.kind("Elementwise"), x.node, kind=kind, numbers=numbers)
    return Value(node, x.layout)


def clip(call: Call) -> Value:
    """Convert Clip to bounds that the file holds; from 0 on it is a relu."""
    low, high = (call.numbers(place) for place in (1, 2))
    bounds = {}
    for name, bound in (("low", low), ("high", high)):
        if bound is not None and not np.isinf(bound).all():
            bounds[name] = short(bound.reshape(-1)[0])
    if bounds.get("low", -np.inf) > bounds.get("high", np.inf):
        call.refuse(f"its lower bound is above its upper one: {bounds}")
    if bounds.get("low") == 0 and bounds.get("high", 1) >= 0:
        return of_numbers(call, "rectify", {"max_value": bounds["high"]} if "high" in bounds else {})
    return of_numbers(call, "clip", bounds) if bounds else call.value()


def sigmoid(call: Call) -> Value:
    """Convert Sigmoid; with the product of both that alone reads it, it is silu."""
    reader = call.conversion.sole_reader(call.node.outputs[0])
    if (
        reader is not None
        and reader.operator == "Mul"
        and set(reader.inputs) == {*call.node.inputs, *call.node.outputs}
    ):
        call.absorb(reader)
        return call.done(of_numbers(call, "silu", {}))
    return named("sigmoid")(call)


def prelu(call: Call) -> Value:
    """Convert PRelu, whose slopes train: one for each place, or for all along an axis of length 1."""
    x, slope = call.value(), call.numbers(1)
    rank = len(x.shape)
    if slope is not None and slope.ndim == rank + 1 and len(slope) == 1:
        slope = slope[0]
    if (
        slope is None
        or slope.ndim > rank
        or any(n not in (1, m) for n, m in zip(slope.shape[::-1], x.shape[::-1], strict=False))
    ):
        call.refuse(f"slopes of shape {None if slope is None else slope.shape} do not fit {('N', *x.shape)}")
    groups = x.layout.groups() or ((),)
    alpha = np.ascontiguousarray(x.layout.arrange(slope, groups))
    shared = [axis + 1 for axis, n in enumerate(alpha.shape) if n == 1]
    rows = x.arranged(groups)
    return Value(call.layer(call.kind("PReLU"), rows.node, {"alpha": alpha}, shared_axes=shared), x.layout)


def gelu(call: Call) -> Value:
    """Convert Gelu, exact or approximated by tanh."""
    words = {"none": "gelu", "tanh": "gelu_tanh"}
    word = call.attribute("approximate", "none")
    if word not in words:
        call.refuse(f"approximate must be none or tanh, got {word!r}")
    return of_numbers(call, words[word], {})


_SOFTMAX = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}


def softmax(call: Call) -> Value:
    """Convert Softmax or LogSoftmax; before opset 13 it is over all axes from `axis` on."""
    from convnet.layers import Activation

    x = call.value()
    rank = len(x.shape)
    first = call.axis(call.attribute("axis"), rank)
    rows = flat_rows(x, first) if call.attribute("flat") else x.as_rows(first)
    return Value(call.layer(Activation, rows.node, activation=_SOFTMAX[call.node.operator]), x.layout)


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
    "Clip": clip,
    "Dropout": dropout,
    "Elu": function("elu", alpha=("alpha", 1.0)),
    "Exp": function("exponential"),
    "Gelu": gelu,
    "HardSigmoid": function("hard_sigmoid", alpha=("alpha", 0.2), beta=("beta", 0.5)),
    "HardSwish": function("hard_silu"),
    "Identity": unchanged,
    "LeakyRelu": function("rectify", negative_slope=("alpha", 0.01)),
    "LogSoftmax": softmax,
    "PRelu": prelu,
    "Relu": named("relu"),
    "Selu": function("elu", alpha=("alpha", 1.67326319217681884765625), scale=("gamma", 1.05070102214813232421875)),
    "Sigmoid": sigmoid,
    "Softmax": softmax,
    "Softplus": function("softplus"),
    "Softsign": function("softsign"),
    "Tanh": function("tanh"),
}
