"""Conv: kernels (F, C/groups, P, Q) become (P, Q, C/groups, F)."""

from __future__ import annotations

from typing import Any

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


def conv_transpose(call: Call) -> Value:
    """Convert ConvTranspose: the layer without padding, and a crop of what pads take away."""
    x, kernel, bias = call.value(), call.numbers(1), call.bias(2)
    if kernel is None or kernel.ndim not in (3, 4) or kernel.ndim != len(x.shape) + 1:
        call.refuse(
            f"takes images (N, C, H, W) or signals (N, C, L) and a kernel of as many axes, got {('N', *x.shape)}"
        )
    rank, groups = len(x.shape), call.attribute("group", 1)
    if x.shape[0] != kernel.shape[0]:
        call.refuse(f"its kernel of shape {kernel.shape} does not fit {x.shape[0]} channels")
    kind = call.kind("Conv2DTranspose")
    if groups != 1 and "groups" not in kind.settings:
        call.refuse(f"group={groups} is not supported: only group=1")
    fill = (1,) * (3 - rank)
    size, strides = (*fill, *kernel.shape[2:]), (*fill, *(call.attribute("strides") or (1,) * (rank - 1)))
    dilations = (*fill, *(call.attribute("dilations") or (1,) * (rank - 1)))
    crops = [(0, 0)] * (3 - rank) + _crops(
        call, x.shape[1:], size[3 - rank :], strides[3 - rank :], dilations[3 - rank :]
    )
    weights = {"kernel": np.moveaxis(kernel.reshape(*kernel.shape[:2], *size), (0, 1), (3, 2))}
    node = call.layer(
        kind,
        x.as_image().node,
        weights | ({} if bias is None else {"bias": bias.reshape(-1)}),
        filters=kernel.shape[1] * groups,
        kernel_size=size,
        strides=strides,
        padding="valid",
        dilation_rate=dilations,
        use_bias=bias is not None,
        **({"groups": groups} if groups != 1 else {}),
    )
    places = (1,) * (3 - rank) + x.shape[1:]
    full = [s * (n - 1) + (k - 1) * d + 1 for n, k, s, d in zip(places, size, strides, dilations, strict=True)]
    made = node.sample_shape
    sides = [(a, made[i] - full[i] + b) for i, (a, b) in enumerate(crops)]
    if any(side < 0 for pair in sides for side in pair):
        call.refuse("output_padding beyond pads is not supported")
    if any(side for pair in sides for side in pair):
        node = call.layer(call.kind("Cropping2D"), node, cropping=sides)
    return image(node, rank)


def _crops(call: Call, places: Any, kernel: Any, strides: Any, dilations: Any) -> list[tuple[int, int]]:
    """Return what is cut off before and after, along each axis, of all that the kernels reach."""
    rank = len(places)
    more = call.attribute("output_padding") or (0,) * rank
    full = [s * (n - 1) + (k - 1) * d + 1 for n, k, s, d in zip(places, kernel, strides, dilations, strict=True)]
    word, wanted = call.attribute("auto_pad", "NOTSET"), call.attribute("output_shape")
    if word in ("NOTSET", "", "VALID") and not wanted:
        pads = call.attribute("pads") or (0,) * (2 * rank)
        return [(pads[i], pads[i + rank] - more[i]) for i in range(rank)]
    wanted = wanted or [n * s for n, s in zip(places, strides, strict=True)]
    totals = [f + m - w for f, m, w in zip(full, more, wanted, strict=True)]
    halves = [t // 2 if word == "SAME_UPPER" else t - t // 2 for t in totals]
    return [(h, t - h - m) for h, t, m in zip(halves, totals, more, strict=True)]


OPERATORS: dict[str, Convert] = {"Conv": conv, "ConvTranspose": conv_transpose}
