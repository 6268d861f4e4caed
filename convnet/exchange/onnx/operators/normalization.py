"""Normalizations; that by batches is folded into the convolution before it only if the caller asks for that."""

from __future__ import annotations

from math import prod

import numpy as np

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.layout import Layout, order_rows
from convnet.exchange.onnx.nodes import OnnxNode
from convnet.exchange.onnx.values import Constant, Value, image, short


def batch_normalization(call: Call) -> Value:
    """Convert BatchNormalization, channel by channel, with the statistics in the file."""
    from convnet.layers import BatchNormalization

    if call.attribute("training_mode", 0) or any(call.used(output) for output in range(1, 5)):
        call.refuse("statistics of the batch (training_mode=1, more outputs) are not supported: export for inference")
    if not call.attribute("spatial", 1):
        call.refuse("spatial=0, statistics for each pixel, is not supported")
    x = call.value()
    given = [call.numbers(place) for place in range(1, 5)]
    if not x.shape or any(a is None or a.shape != (x.shape[0],) for a in given):
        shapes = [None if a is None else a.shape for a in given]
        call.refuse(
            f"a value of shape {('N', *x.shape)} does not fit scale, bias, mean and variance of shapes {shapes}"
        )
    rows = x.as_rows(0)
    atoms = x.layout.axes[0]
    order = x.layout.order[len(x.layout.order) - len(atoms) :]
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    parameters = {n: order_rows(np.asarray(a), atoms, order) for n, a in zip(names, given, strict=True)}
    settings = {"epsilon": short(call.attribute("epsilon", 1e-5)), "momentum": short(call.attribute("momentum", 0.9))}
    return Value(call.layer(BatchNormalization, rows.node, parameters, **settings), x.layout)


def folded(call: Call, kernel: np.ndarray, bias: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None, OnnxNode]:
    """Return a kernel (F, ...) and a bias; if it is asked for, with the normalization that alone reads the layer.

    The third is the last node that they compute: the normalization's, or the layer's own.
    """
    reader = call.conversion.sole_reader(call.node.outputs[0])
    wanted = call.conversion.options.get("fold_batchnorm") and not call.shares()
    if not wanted or reader is None or reader.operator != "BatchNormalization":
        return kernel, bias, call.node
    stored = [call.conversion.values.get(name) for name in reader.inputs[1:5]]
    if not all(isinstance(c, Constant) and c.array.shape == kernel.shape[:1] for c in stored):
        return kernel, bias, call.node
    gamma, beta, mean, variance = (c.array.astype(np.float64) for c in stored if isinstance(c, Constant))
    factor = gamma / np.sqrt(variance + reader.attributes.get("epsilon", 1e-5))
    moved = beta + factor * ((0.0 if bias is None else bias) - mean)
    call.absorb(reader)
    scaled = kernel * factor.reshape(-1, *(1,) * (kernel.ndim - 1))
    return scaled.astype(kernel.dtype), moved.astype(kernel.dtype), reader


def layer_normalization(call: Call) -> Value:
    """Convert LayerNormalization over all axes from `axis` on."""
    if call.used(1) or call.used(2):
        call.refuse("its second and third outputs, mean and deviation, are not supported")
    x, scale, bias = call.value(), call.numbers(1), call.numbers(2)
    first = call.axis(call.attribute("axis", -1), len(x.shape))
    merged = x.layout.reshaped((*x.shape[:first], prod(x.shape[first:])))
    size = merged.shape[-1]
    if scale is None or scale.size not in (1, size) or (bias is not None and bias.size not in (1, size)):
        call.refuse(f"its scale and bias do not fit the {size} numbers that are normalized together")
    rows = Value(x.node, merged).as_rows(first)
    parameters = {"gamma": _ordered(scale, merged, first)}
    if bias is not None:
        parameters["beta"] = _ordered(bias, merged, first)
    settings = {"epsilon": short(call.attribute("epsilon", 1e-5)), "center": bias is not None}
    return Value(call.layer(call.kind("LayerNormalization"), rows.node, parameters, **settings), x.layout)


def _ordered(array: np.ndarray, layout: Layout, axis: int) -> np.ndarray:
    """Return a row of numbers, one for each place of an axis, in the engine's order of that axis."""
    atoms, size = layout.axes[axis], layout.shape[axis]
    order = layout.order[len(layout.order) - len(atoms) :]
    return order_rows(np.broadcast_to(array.reshape(-1), (size,)), atoms, order)


def group_normalization(call: Call) -> Value:
    """Convert GroupNormalization."""
    return _grouped(call, call.attribute("num_groups"), bool(call.attribute("per_group")))


def instance_normalization(call: Call) -> Value:
    """Convert InstanceNormalization: every channel of an image is a group."""
    return _grouped(call, call.value().shape[0], per_group=False)


def _grouped(call: Call, groups: int, per_group: bool) -> Value:
    x = call.value()
    channels = x.shape[0]
    each = channels // groups if per_group else 1
    stored = [call.numbers(place) for place in (1, 2)]
    if any(a is None or a.size * each != channels for a in stored):
        call.refuse(f"its scale and bias do not fit {channels} channels in {groups} groups")
    gamma, beta = (np.repeat(np.ravel(a), each) for a in stored if a is not None)
    node = call.layer(
        call.kind("GroupNormalization"),
        x.as_image().node,
        {"gamma": gamma, "beta": beta},
        groups=groups,
        epsilon=short(call.attribute("epsilon", 1e-5)),
    )
    return image(node, len(x.shape))


OPERATORS: dict[str, Convert] = {
    "BatchNormalization": batch_normalization,
    "GroupNormalization": group_normalization,
    "InstanceNormalization": instance_normalization,
    "LayerNormalization": layer_normalization,
}
