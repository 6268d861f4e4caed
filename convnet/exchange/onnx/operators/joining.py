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
    return [cut(call, x, {axis: (int(a), int(b), 1)}) for a, b in pairwise(ends)]


def slice_(call: Call) -> Value:
    """Convert Slice along any axes but that of the images."""
    x = call.value()
    rank = len(x.shape)
    starts, ends, axes, steps = (call.integers(place) for place in range(1, 5))
    if starts is None or ends is None:
        call.refuse("its starts and ends must be numbers in the file")
    parts: dict[int, tuple[int, int, int]] = {}
    for k, axis in enumerate(axes or range(len(starts))):
        part = starts[k], ends[k], (steps or (1,) * len(starts))[k]
        if axis in (0, -rank - 1) and part[0] == 0 and part[2] == 1 and part[1] >= max(call.conversion.trials):
            continue  # all images
        parts[call.axis(axis, rank)] = part
    return cut(call, x, parts)


def gather(call: Call) -> Value:
    """Convert Gather of one place, or of places at equal distances, along an axis."""
    x, indices = call.value(), call.numbers(1)
    axis = call.axis(call.attribute("axis", 0), len(x.shape))
    if indices is None or indices.ndim > 1 or not indices.size:
        call.refuse(
            f"indices of shape {None if indices is None else indices.shape} are not supported: a number or a row"
        )
    places = [int(i) % x.shape[axis] for i in indices.reshape(-1)]
    steps = {b - a for a, b in pairwise(places)} or {1}
    if len(steps) > 1 or 0 in steps:
        call.refuse(f"indices {places} are not supported: only one, or some at equal distances")
    step = steps.pop()
    made = cut(call, x, {axis: (places[0], places[-1] + (1 if step > 0 else -1), step)})
    if indices.ndim:
        return made
    return Value(made.node, made.layout.reshaped(made.shape[:axis] + made.shape[axis + 1 :]))


def cut(call: Call, x: Value, parts: dict[int, tuple[int, int, int]]) -> Value:
    """Return start : stop : step of some axes, as NumPy counts; -1 as a stop of steps backwards is before the first."""
    for axis, (start, stop, step) in parts.items():
        length = x.shape[axis]
        back = stop < -length or (stop == -1 and step < 0 and start >= 0 and call.node.operator == "Gather")
        taken = range(length)[slice(start, None if back and step < 0 else stop, step)]
        if not len(taken):
            call.refuse(f"nothing of axis {axis + 1} of a value of shape {('N', *x.shape)} would be left")
        if taken != range(length):
            x = _take(call, x, axis, taken)
    return x


def _take(call: Call, x: Value, axis: int, taken: range) -> Value:
    layout, order = x.layout.whole()
    if _places_of(layout, axis):
        raise LayoutError(f"axis {axis + 1} has its numbers in another order")
    at, shape = order.index(axis), x.shape
    before, after = (prod(shape[i] for i in part) for part in (order[:at], order[at + 1 :]))
    stop = None if taken[-1] + taken.step < 0 else taken[-1] + taken.step
    slices = [None, [taken.start, stop, taken.step], None]
    node = call.layer(call.kind("Slicing"), reshape(x.node, (before, shape[axis], after)), slices=slices)
    return _with_axis(node, layout, order, axis, Atom(len(taken)))


OPERATORS: dict[str, Convert] = {"Concat": concat, "Gather": gather, "Slice": slice_, "Split": split}
