"""Conv: kernels (F, C/groups, P, Q) become (P, Q, C/groups, F)."""

from __future__ import annotations

import numpy as np

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.operators.geometry import window
from convnet.exchange.onnx.operators.normalization import folded
from convnet.exchange.onnx.values import Value, image


def conv(call: Call) -> Value:
    """Convert Conv, on images and on signals, with the activation that alone reads it."""
    from convnet.layers import Conv2D

    x, kernel, bias = call.value(), call.numbers(1), call.bias(2)
    if kernel is None or kernel.ndim not in (3, 4):
        call.refuse(f"its kernel must have 3 or 4 axes (F, C, P, Q), got {None if kernel is None else kernel.shape}")
    rank, groups = len(x.shape), call.attribute("group", 1)
    given = tuple(call.attribute("kernel_shape") or kernel.shape[2:])
    if given != kernel.shape[2:]:
        call.refuse(f"kernel_shape={given} and its kernel's shape {kernel.shape} differ")
    if x.shape[0] != kernel.shape[1] * groups:
        call.refuse(f"its kernel of shape {kernel.shape}, group={groups}, does not fit {x.shape[0]} channels")
    at = window(call, kernel.shape[2:], x.shape[1:])
    kernel, bias, last = folded(call, kernel, bias)
    weights = {"kernel": np.moveaxis(kernel.reshape(*kernel.shape[:2], *at.size), (0, 1), (3, 2))}
    node = call.layer(
        Conv2D,
        x.as_image().node,
        weights | ({} if bias is None else {"bias": bias.reshape(-1)}),
        filters=kernel.shape[0],
        kernel_size=at.size,
        strides=at.strides,
        padding=at.padding,
        dilation_rate=at.dilations,
        groups=groups,
        use_bias=bias is not None,
        activation=call.absorb_activation(last.outputs[0]),
    )
    return call.done(image(node, rank))


OPERATORS: dict[str, Convert] = {"Conv": conv}
