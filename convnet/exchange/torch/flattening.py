"""Where PyTorch and this engine flatten in different orders: C H W there, H W C here."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.engine.graph import Call, Graph
from convnet.layers import Flatten, Layer, Reshape

Order = np.ndarray | None  # for each number of our vector its place in PyTorch's; None: the same


def find_orders(graph: Graph) -> dict[Layer, Order]:
    """Return, for each layer that reads a flattened image, the order of its inputs.

    The order goes along through layers that keep their input's shape (Dropout, an activation, normalisation) and
    through Concatenate; a layer that mixes its inputs (Dense) ends it. ValueError for a layer that is called on two
    different orders, or for one whose effect on the order is unknown.
    """
    orders: dict[int, Order] = {}
    found: dict[Any, Order] = {}
    for call in graph.calls:
        given = [orders.get(id(node)) for node in call.inputs]
        if call.layer in found and not _same(found[call.layer], given[0]):
            raise ValueError(f"{call.layer.name} is called on inputs that were flattened in different ways")
        found[call.layer] = given[0]
        orders[id(call.output)] = _after(call, given)
    return {layer: order for layer, order in found.items() if order is not None}


def _same(a: Order, b: Order) -> bool:
    return (a is None) == (b is None) and (a is None or b is None or np.array_equal(a, b))


def _after(call: Call, given: list[Order]) -> Order:
    before, after = call.inputs[0].sample_shape, call.output.sample_shape
    if isinstance(call.layer, (Flatten, Reshape)) and len(after) == 1 and len(before) > 1:
        return _channels_first(before)
    if all(order is None for order in given):
        return None
    if all(node.sample_shape == after for node in call.inputs) and all(_same(given[0], o) for o in given):
        mixes = type(call.layer).__name__ == "Dense"
        return None if mixes else given[0]
    if type(call.layer).__name__ == "Concatenate":
        return _joined(call, given)
    if type(call.layer).__name__ == "Dense":
        return None
    raise ValueError(f"{call.layer.name}: a flattened image goes in, and its order afterwards is not known")


def _channels_first(shape: tuple[int, ...]) -> Order:
    """Return where each number of (..., C), row by row, stands in (C, ...)."""
    places = np.arange(int(np.prod(shape))).reshape(shape[-1], *shape[:-1])
    order = np.moveaxis(places, 0, -1).reshape(-1)
    return None if np.array_equal(order, np.arange(order.size)) else order


def _joined(call: Call, given: list[Order]) -> Order:
    parts, start = [], 0
    for node, order in zip(call.inputs, given, strict=True):
        size = node.sample_shape[0]
        parts.append(start + (np.arange(size) if order is None else order))
        start += size
    return np.concatenate(parts)
