"""How each operation of the engine is written as ONNX nodes: one table, from the operation's name."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from convnet.engine.operator import Step
from convnet.exchange.onnx.errors import OnnxError
from convnet.exchange.onnx.pieces import arithmetic, concatenate, resample
from convnet.exchange.onnx.writer import Writer

Write = Callable[[Writer, Step], None]


def _conv2d(w: Writer, step: Step) -> None:
    kernel, *bias = step.parameters
    inputs = [w.first(step.inputs[0]), w.parameter(kernel, kernel.value.transpose(3, 2, 0, 1), "FCPQ")]
    inputs += [w.parameter(b, b.value) for b in bias]
    settings = step.settings
    window = {"strides": settings["stride"], "dilations": settings["dilation"], "pads": _pads(settings["padding"])}
    size = kernel.shape[:2]
    name = w.node("Conv", inputs, step.layer.name, kernel_shape=size, group=settings["groups"], **window)
    w.set_first(step.output, name)


def _conv2dtranspose(w: Writer, step: Step) -> None:
    kernel, *bias = step.parameters
    inputs = [w.first(step.inputs[0]), w.parameter(kernel, kernel.value.transpose(3, 2, 0, 1), "CFPQ")]
    inputs += [w.parameter(b, b.value) for b in bias]
    settings = step.settings
    full = [
        s * (n - 1) + (k - 1) * d + 1
        for n, k, s, d in zip(
            step.inputs[0].shape, kernel.shape, settings["stride"], settings["dilation"], strict=False
        )
    ]
    more = [m - f + sum(cut) for m, f, cut in zip(step.output.shape, full, settings["padding"], strict=False)]
    window = {"strides": settings["stride"], "dilations": settings["dilation"], "pads": _pads(settings["padding"])}
    window |= {"kernel_shape": kernel.shape[:2], "group": settings["groups"], "output_padding": more}
    w.set_first(step.output, w.node("ConvTranspose", inputs, step.layer.name, **window))


def _pads(padding: Any) -> tuple[int, ...]:
    (top, bottom), (left, right) = padding
    return top, left, bottom, right


def _pool(operator: str) -> Write:
    def write(w: Writer, step: Step) -> None:
        settings = step.settings
        window = {"kernel_shape": settings["size"], "strides": settings["stride"], "pads": _pads(settings["padding"])}
        w.set_first(step.output, w.node(operator, [w.first(step.inputs[0])], step.layer.name, **window))

    return write


def _globalavgpool(w: Writer, step: Step) -> None:
    pooled = w.node("GlobalAveragePool", [w.first(step.inputs[0])], f"{step.layer.name}_image")
    w.set_last(step.output, _reshaped(w, pooled, step.output.shape, step.layer.name))


def _reshape(w: Writer, step: Step) -> None:
    w.set_last(step.output, _reshaped(w, w.last(step.inputs[0]), step.output.shape, step.layer.name))


def _reshaped(w: Writer, name: str, shape: tuple[int, ...], wish: str) -> str:
    target = w.constant(f"{wish}_shape", np.array([-1, *shape], np.int64))
    return w.node("Reshape", [name, target], wish)


def _dense(w: Writer, step: Step) -> None:
    names = [w.parameter(p, p.value) for p in step.parameters]
    w.set_last(step.output, w.node("Gemm", [w.last(step.inputs[0]), *names], step.layer.name))


def _batchnorm(w: Writer, step: Step) -> None:
    if not hasattr(step.layer, "momentum"):
        _scale(w, step)
        return
    names = [w.parameter(p, p.value) for p in step.parameters]
    settings = {"epsilon": step.settings["epsilon"]}
    value, rank = step.inputs[0], len(step.inputs[0].shape)
    if rank == 3:
        w.set_first(step.output, w.node("BatchNormalization", [w.first(value), *names], step.layer.name, **settings))
        return
    first, last = (0, rank, *range(1, rank)), (0, *range(2, rank + 1), 1)  # ONNX's channels are the second axis
    x = w.last(value) if rank == 1 else w.node("Transpose", [w.last(value)], f"{step.layer.name}_first", perm=first)
    y = w.node("BatchNormalization", [x, *names], step.layer.name, **settings)
    w.set_last(step.output, y if rank == 1 else w.node("Transpose", [y], f"{step.layer.name}_last", perm=last))


def _scale(w: Writer, step: Step) -> None:
    """Write x * factor + offset: what no batch's statistics go into is no normalization for others to train."""
    gamma, beta, mean, variance = (p.value.reshape(-1).astype(np.float64) for p in step.parameters)
    factor = gamma / np.sqrt(variance + step.settings["epsilon"])
    name = w.last(step.inputs[0])
    for operator, wish, numbers in (("Mul", "scale", factor), ("Add", "offset", beta - mean * factor)):
        if (numbers != (operator == "Mul")).any():
            constant = w.constant(f"{step.layer.name}_{wish}", numbers.astype(w.dtype))
            name = w.node(operator, [name, constant], f"{step.layer.name}_{wish}d")
    w.set_last(step.output, name)


def _groupnorm(w: Writer, step: Step) -> None:
    """Write a normalization of each sample: of its last axes, or of groups of an image's channels."""
    value, (gamma, beta) = step.inputs[0], step.parameters
    pixels, channels = step.settings["size"]
    settings = {"epsilon": step.settings["epsilon"]}
    if pixels == 1 and step.settings["groups"] == 1:
        last = next(k for k in range(1, len(value.shape) + 1) if prod(value.shape[-k:]) == channels)
        shape = value.shape[-last:]
        names = [w.constant(p.name, p.value.reshape(shape)) for p in (gamma, beta)]
        made = w.node("LayerNormalization", [w.last(value), *names], step.layer.name, axis=-last, **settings)
        w.set_last(step.output, made)
    elif len(value.shape) == 3:
        w.opset = max(w.opset, 21)  # before it, scale and bias were those of groups
        names = [w.parameter(p, p.value.reshape(-1)) for p in (gamma, beta)]
        settings["num_groups"] = step.settings["groups"]
        name = w.node("GroupNormalization", [w.first(value), *names], step.layer.name, **settings)
        w.set_first(step.output, name)
    else:
        raise OnnxError(f"{step.layer.name}: groups of channels are written of images only, got samples {value.shape}")


def _softmax(w: Writer, step: Step) -> None:
    operator = "LogSoftmax" if step.operation == "log_softmax" else "Softmax"
    w.apply(step, operator, axis=1 if w.is_first(step.inputs[0]) else -1)


_UNARY: dict[str, Callable[..., tuple[str, dict[str, Any]]]] = {
    "tanh": lambda: ("Tanh", {}),
    "elu": lambda alpha=1.0, scale=1.0: (
        ("Elu", {"alpha": alpha}) if scale == 1 else ("Selu", {"alpha": alpha, "gamma": scale})
    ),
    "gelu": lambda: ("Gelu", {}),
    "gelu_tanh": lambda: ("Gelu", {"approximate": "tanh"}),
    "softplus": lambda: ("Softplus", {}),
    "softsign": lambda: ("Softsign", {}),
    "hard_sigmoid": lambda alpha=1 / 6, beta=0.5: ("HardSigmoid", {"alpha": alpha, "beta": beta}),
    "hard_silu": lambda: ("HardSwish", {}),
    "exponential": lambda: ("Exp", {}),
}


def _unary(w: Writer, step: Step) -> None:
    """Write a function of single numbers: one node for most."""
    function, numbers = step.settings["function"], {k: v for k, v in step.settings.items() if k != "function"}
    if function in _UNARY:
        operator, attributes = _UNARY[function](**numbers)
        w.apply(step, operator, **attributes)
    elif function == "silu":
        first = w.is_first(step.inputs[0])
        x = w.first(step.inputs[0]) if first else w.last(step.inputs[0])
        sigmoid = w.node("Sigmoid", [x], f"{step.layer.name}_sigmoid")
        (w.set_first if first else w.set_last)(step.output, w.node("Mul", [x, sigmoid], step.layer.name))
    elif function == "clip":
        _clip(w, step, numbers.get("low"), numbers.get("high"))
    elif numbers.get("threshold") or (numbers.get("negative_slope") and numbers.get("max_value") is not None):
        raise OnnxError(f"{step.layer.name}: ONNX has no relu with a threshold, nor a leaky one with a largest value")
    elif numbers.get("negative_slope"):
        w.apply(step, "LeakyRelu", alpha=numbers["negative_slope"])
    else:
        _clip(w, step, 0.0, numbers.get("max_value"))


def _clip(w: Writer, step: Step, low: float | None, high: float | None) -> None:
    bounds = [
        w.constant(f"{step.layer.name}_{name}", np.array(bound, w.dtype)) if bound is not None else ""
        for name, bound in (("low", low), ("high", high))
    ]
    w.apply(step, "Clip", *bounds)


def _apply(operator: str) -> Write:
    return lambda w, step: w.apply(step, operator)


def _combine(operator: str) -> Write:
    return lambda w, step: w.combine(step, operator)


OPERATIONS: dict[str, Write] = {
    "add": _combine("Add"),
    "arithmetic": arithmetic,
    "avgpool2d": _pool("AveragePool"),
    "batchnorm_inference": _batchnorm,
    "concatenate": concatenate,
    "conv2d": _conv2d,
    "conv2dtranspose": _conv2dtranspose,
    "dense": _dense,
    "globalavgpool": _globalavgpool,
    "groupnorm": _groupnorm,
    "maxpool2d": _pool("MaxPool"),
    "relu": _apply("Relu"),
    "resample": resample,
    "reshape": _reshape,
    "sigmoid": _apply("Sigmoid"),
    "softmax": _softmax,
    "log_softmax": _softmax,
    "unary": _unary,
}
