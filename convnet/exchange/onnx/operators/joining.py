"""Concat, Split and Slice: pieces along one axis.

The engine joins arrays along their last axis, and crops the width of an image: any axis is brought there by a reshape.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.layout import Atom, Layout, LayoutError
from convnet.exchange.onnx.values import Value, reshape


def concat(call: Call) -> Value:
    """Convert Concat of values whose other axes lie alike."""
    values = [call.value(place) for place in range(len(call.arguments))]
    rank = len(values[0].shape)
    axis = call.axis(call.attribute("axis"), rank)
    if len({(len(v.shape), v.shape[:axis] + v.shape[axis + 1 :]) for v in values}) != 1:
        call.refuse(f"values of shapes {[('N', *v.shape) for v in values]} cannot be joined along axis {axis + 1}")
    layouts, order = _alike([v.layout for v in values], axis)
    shape, at = values[0].shape, order.index(axis)
    before, after = [shape[i] for i in order[:at]], prod(shape[i] for i in order[at + 1 :])
    nodes = [reshape(v.node, (*before, v.shape[axis] * after)) for v in values]
    node = call.layer(call.kind("Concatenate"), nodes) if len(nodes) > 1 else nodes[0]
    joined = Atom(sum(v.shape[axis] for v in values), _places(layouts, axis))
    return _with_axis(node, layouts[0], order, axis, joined)


def _alike(layouts: list[Layout], axis: int) -> tuple[list[Layout], tuple[int, ...]]:
    """Return layouts of whole axes, and the one order in which all have them; LayoutError if there is none."""
    whole, orders = zip(*(layout.whole() for layout in layouts), strict=True)
    order = max(orders, key=len)
    if axis not in order:  # every piece is 1 long: the axis goes where the file has it, channels of an image last
        at = len(order) if axis == 0 and len(layouts[0].axes) == 3 else sum(i < axis for i in order)
        order = (*order[:at], axis, *order[at:])
    for layout, own in zip(whole, orders, strict=True):
        same = all(_places_of(layout, i) == _places_of(whole[0], i) for i in order if i != axis)
        if own != tuple(i for i in order if i != axis or layout.axes[axis]) or not same:
            raise LayoutError("its inputs have their axes in different orders")
    return list(whole), order


def _places_of(layout: Layout, axis: int) -> bytes:
    atoms = layout.axes[axis]
    return atoms[0].places.tobytes() if atoms and atoms[0].places is not None else b""


def _places(layouts: list[Layout], axis: int) -> np.ndarray | None:
    """Return where the joined axis has its numbers, None if they stand as in the file."""
    if not any(_places_of(layout, axis) for layout in layouts):
        return None
    pieces, first = [], 0
    for layout in layouts:
        size = layout.shape[axis]
        places = layout.axes[axis][0].places if layout.axes[axis] else None
        pieces.append(first + (np.arange(size) if places is None else places))
        first += size
    return np.concatenate(pieces)


def _with_axis(node: Any, layout: Layout, order: tuple[int, ...], axis: int, atom: Atom) -> Value:
    """Return the value in which one axis is this atom."""
    atoms = [(atom,) if atom.size > 1 else (), *layout.axes[:axis], *layout.axes[axis + 1 :]]
    axes = (*atoms[1 : axis + 1], atoms[0], *atoms[axis + 1 :])
    made = Layout(axes, tuple(a for i in order for a in axes[i]))
    return Value(reshape(node, tuple(made.shape[i] for i in order)), made)


def split(call: Call) -> list[Value]:
    """Convert Split into equal parts, the last of them smaller, or into parts of these sizes."""
    x = call.value()
    axis = call.axis(call.attribute("axis", 0), len(x.shape))
    length, count = x.shape[axis], call.attribute("num_outputs") or len(call.node.outputs)
    each = -(-length // count)
    sizes = call.integers(1) or [min(each, length - each * k) for k in range(count)]
    if sum(sizes) != length or min(sizes) < 1:
        call.refuse(f"parts of {list(sizes)} of an axis of {length} are not supported: each must have something")
    ends = np.cumsum([0, *sizes])
    return [_cut(call, x, axis, int(a), int(b), 1) for a, b in pairwise(ends)]


def slice_(call: Call) -> Value:
    """Convert Slice forwards, along any axes but that of the images."""
    x = call.value()
    rank = len(x.shape)
    starts, ends, axes, steps = (call.integers(place) for place in range(1, 5))
    if starts is None or ends is None:
        call.refuse("its starts and ends must be numbers in the file")
    for k, axis in enumerate(axes or range(len(starts))):
        start, end, step = starts[k], ends[k], (steps or (1,) * len(starts))[k]
        if axis in (0, -rank - 1) and start == 0 and step == 1 and end >= 2**31 - 1:
            continue  # all images
        place = call.axis(axis, rank)
        if step < 1:
            call.refuse(f"step {step} is not supported: only forwards, without turning an axis round")
        first, last, _ = slice(start, end, step).indices(x.shape[place])
        if last <= first:
            call.refuse(f"nothing of axis {axis} of a value of shape {('N', *x.shape)} would be left")
        if (first, last, step) != (0, x.shape[place], 1):
            x = _cut(call, x, place, first, last, step)
    return x


def _cut(call: Call, x: Value, axis: int, first: int, last: int, step: int) -> Value:
    """Return first : last : step of one axis."""
    layout, order = x.layout.whole()
    if _places_of(layout, axis):
        raise LayoutError(f"axis {axis + 1} has its numbers in another order")
    if axis not in order:
        return x
    at, shape = order.index(axis), x.shape
    before, after = (prod(shape[i] for i in part) for part in (order[:at], order[at + 1 :]))
    node = reshape(x.node, (before, shape[axis], after))
    if (first, last) != (0, shape[axis]):
        node = call.layer(call.kind("Cropping2D"), node, cropping=((0, 0), (first, shape[axis] - last)))
    if step > 1:  # the largest of one number is that number
        node = call.layer(call.kind("MaxPooling2D"), node, pool_size=(1, 1), strides=(1, step))
    return _with_axis(node, layout, order, axis, Atom(-(-(last - first) // step)))


OPERATORS: dict[str, Convert] = {"Concat": concat, "Slice": slice_, "Split": split}
