"""Means, sums and largest numbers over axes."""

from __future__ import annotations

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.values import Value, image


def reduced_axes(call: Call) -> tuple[int, ...]:
    """Return which axes of a sample are reduced; refuse the axis of the images."""
    rank = len(call.value().shape)
    axes = call.integers(1)
    if not axes:
        if call.attribute("noop_with_empty_axes", 0):
            return ()
        call.refuse("without axes it would reduce the images to one number: name the axes")
    return tuple(sorted({call.axis(a, rank) for a in axes}))


def over_image(kind: str) -> Convert:
    """Return the conversion of a reduction over height and width, which is a pooling of the whole image."""

    def convert(call: Call) -> Value:
        from convnet import layers

        x, axes = call.value(), reduced_axes(call)
        if not axes:
            return x
        if axes != tuple(range(1, len(x.shape))) or len(x.shape) not in (2, 3):
            call.refuse(f"axes {axes} of a value of shape {('N', *x.shape)}: only an image's height and width together")
        pooled = image(call.layer(getattr(layers, kind), x.as_image().node, keepdims=True), len(x.shape))
        if call.attribute("keepdims", 1):
            return pooled
        return Value(pooled.node, pooled.layout.reshaped(x.shape[:1]))

    return convert


OPERATORS: dict[str, Convert] = {
    "ReduceMax": over_image("GlobalMaxPooling2D"),
    "ReduceMean": over_image("GlobalAveragePooling2D"),
}
