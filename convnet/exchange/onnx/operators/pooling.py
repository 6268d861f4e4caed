"""MaxPool, AveragePool and the poolings of whole images."""

from __future__ import annotations

from typing import Any

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.operators.geometry import Geometry, window
from convnet.exchange.onnx.values import Value, image


def max_pool(call: Call) -> Value:
    """Convert MaxPool; the places of the maxima are not an output here."""
    from convnet.layers import MaxPooling2D

    if call.used(1):
        call.refuse("its second output, the places of the maxima, is not supported: use the first alone")
    return _pool(call, MaxPooling2D)


def average_pool(call: Call) -> Value:
    """Convert AveragePool: padding counts as zeros only if count_include_pad says so."""
    from convnet.layers import AveragePooling2D

    return _pool(call, AveragePooling2D)


def _pool(call: Call, kind: type) -> Value:
    x = call.value()
    if len(x.shape) not in (2, 3):
        call.refuse(f"takes images (N, C, H, W) or signals (N, C, L), got {('N', *x.shape)}")
    at = window(call, tuple(call.attribute("kernel_shape")), x.shape[1:])
    if at.dilations != (1, 1) and "dilation_rate" not in kind.settings:  # type: ignore[attr-defined]
        call.refuse(f"dilations={at.dilations} are not supported: pool without gaps")
    node, padding = x.as_image().node, _whole_windows(call, at, (1,) * (3 - len(x.shape)) + x.shape[1:])
    if call.attribute("count_include_pad", 0) and any(side for pair in at.padding for side in pair):
        node = call.layer(call.kind("Padding"), node, paddings=[*at.padding, (0, 0)])
        padding = tuple((0, whole - given) for (_, whole), (_, given) in zip(padding, at.padding, strict=True))
    settings: dict[str, Any] = {"pool_size": at.size, "strides": at.strides, "padding": padding}
    if at.dilations != (1, 1):
        settings["dilation_rate"] = at.dilations
    return image(call.layer(kind, node, **settings), len(x.shape))


def _whole_windows(call: Call, at: Geometry, places: tuple[int, ...]) -> Any:
    """Return the padding, with what ceil_mode adds at the end: the last window must begin inside of what was there."""
    if not call.attribute("ceil_mode", 0):
        return at.padding
    sides = []
    for n, k, s, d, (before, after) in zip(places, at.size, at.strides, at.dilations, at.padding, strict=True):
        extent = (k - 1) * d + 1
        count = -(-(n + before + after - extent) // s) + 1
        if (count - 1) * s >= n + before:
            count -= 1
        sides.append((before, max((count - 1) * s + extent - n - before, after)))
    return tuple(sides)


def whole_image(kind: str) -> Convert:
    """Return the conversion of the mean or the largest of a whole image or signal."""

    def convert(call: Call) -> Value:
        from convnet import layers

        x = call.value()
        node = call.layer(getattr(layers, kind), x.as_image().node, keepdims=True)
        return image(node, len(x.shape))

    return convert


OPERATORS: dict[str, Convert] = {
    "AveragePool": average_pool,
    "GlobalAveragePool": whole_image("GlobalAveragePooling2D"),
    "GlobalMaxPool": whole_image("GlobalMaxPooling2D"),
    "MaxPool": max_pool,
}
