"""Means, sums and largest numbers over axes."""

from __future__ import annotations

from typing import Any

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.layout import Layout
from convnet.exchange.onnx.values import Value, reshape


def reduced_axes(call: Call) -> tuple[int, ...]:
    """Return which axes of a sample are reduced; refuse the axis of the images."""
    rank = len(call.value().shape)
    axes = call.integers(1)
    if not axes:
        if call.attribute("noop_with_empty_axes", 0):
            return ()
        call.refuse("without axes it would reduce the images to one number: name the axes")
    return tuple(sorted({call.axis(a, rank) for a in axes}))


def over(kind: str) -> Convert:
    """Return the conversion of a mean, maximum or sum over axes that are neighbours in the engine's array."""

    def convert(call: Call) -> Value:
        x, axes = call.value(), reduced_axes(call)
        if not axes:
            return x
        layout, order = x.layout.whole()
        places = sorted(order.index(axis) for axis in axes if axis in order)
        keep = bool(call.attribute("keepdims", 1))
        rest = [axis for i, axis in enumerate(layout.axes) if i not in axes]
        shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keep or i not in axes)
        made = Layout(tuple(rest), tuple(a for a in layout.order if any(a in axis for axis in rest)))
        if places != list(range(min(places, default=0), min(places, default=0) + len(places))):
            call.refuse(f"axes {axes} of a value of shape {('N', *x.shape)} do not lie together here: reduce singly")
        node = _reduced(call, kind, reshape(x.node, tuple(x.shape[i] for i in order) or (1,)), places)
        return Value(node, made.reshaped(shape))

    return convert


def _reduced(call: Call, kind: str, node: Any, places: list[int]) -> Any:
    """Return the layer: of an image's height and width Keras's pooling, of other axes Reduce."""
    if not places:
        return node
    pooling = {"mean": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D"}
    if kind in pooling and len(node.sample_shape) == 3 and places == [0, 1]:
        return call.layer(call.kind(pooling[kind]), node)
    reduced = call.layer(call.kind("Reduce"), node, kind=kind, axes=[place + 1 for place in places])
    return reduced if reduced.sample_shape else reshape(reduced, (1,))


OPERATORS: dict[str, Convert] = {"ReduceMax": over("max"), "ReduceMean": over("mean"), "ReduceSum": over("sum")}
