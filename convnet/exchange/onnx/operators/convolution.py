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
    fill = (1,) * (3 - rank)
    size, strides = (*fill, *kernel.shape[2:]), (*fill, *(call.attribute("strides") or (1,) * (rank - 1)))
    dilations = (*fill, *(call.attribute("dilations") or (1,) * (rank - 1)))
    more = (*(0 for _ in fill), *(call.attribute("output_padding") or (0,) * (rank - 1)))
    places = (*fill, *x.shape[1:])
    full = [s * (n - 1) + (k - 1) * d + 1 for n, k, s, d in zip(places, size, strides, dilations, strict=True)]
    padding, more = _cut_off(call, full, more, strides, places)
    if min(side for pair in padding for side in pair) < 0:
        call.refuse(f"pads {padding} must not be negative: pad with Pad instead")
    weights = {"kernel": np.moveaxis(kernel.reshape(*kernel.shape[:2], *size), (0, 1), (3, 2))}
    node = call.layer(
        call.kind("Conv2DTranspose"),
        x.as_image().node,
        weights | ({} if bias is None else {"bias": bias.reshape(-1)}),
        filters=kernel.shape[1] * groups,
        kernel_size=size,
        strides=strides,
        padding=padding,
        output_padding=more,
        dilation_rate=dilations,
        groups=groups,
        use_bias=bias is not None,
        activation=call.absorb_activation(),
    )
    return call.done(image(node, rank))


def _cut_off(call: Call, full: Any, more: Any, strides: Any, places: Any) -> Any:
    """Return what is cut off, before and after, of all that the kernels reach along height and width; what is added."""
    word, wanted, rank = call.attribute("auto_pad", "NOTSET"), call.attribute("output_shape"), len(call.value().shape)
    if word in ("NOTSET", "", "VALID") and not wanted:
        pads = call.attribute("pads") or (0,) * (2 * (rank - 1))
        pairs = zip(pads[: rank - 1], pads[rank - 1 :], strict=True)
        return (*((0, 0),) * (3 - rank), *pairs), more
    sizes = (*(1,) * (3 - rank), *wanted) if wanted else [n * s for n, s in zip(places, strides, strict=True)]
    more = [max(m, n - f) for f, m, n in zip(full, more, sizes, strict=True)]
    totals = [f + m - n for f, m, n in zip(full, more, sizes, strict=True)]
    before = [t // 2 if word == "SAME_UPPER" else t - t // 2 for t in totals]
    return tuple((b, t - b) for b, t in zip(before, totals, strict=True)), tuple(more)


OPERATORS: dict[str, Convert] = {"Conv": conv, "ConvTranspose": conv_transpose}
