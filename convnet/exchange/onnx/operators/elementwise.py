"""Sums, products and their like of two values; axes of length 1 are repeated."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.layout import Atoms, Layout, LayoutError, matched
from convnet.exchange.onnx.operators.scaling import combined
from convnet.exchange.onnx.values import Constant, Value


def aligned(call: Call, one: Value, other: Value) -> tuple[Value, Value, Layout]:
    """Return two values whose engine's axes fit each other, and the layout of what is computed from both."""
    shapes = f"values of shapes {('N', *one.shape)} and {('N', *other.shape)}"
    if len(one.shape) != len(other.shape):
        call.refuse(f"{shapes}: with a different number of axes, the images' axis of one meets another of the other")
    if any(a != b and 1 not in (a, b) for a, b in zip(one.shape, other.shape, strict=True)):
        call.refuse(f"{shapes} do not fit each other")
    mine, theirs = matched(one.layout, other.layout)
    axes = tuple(a or b for a, b in zip(mine.axes, theirs.axes, strict=True))
    whole = Layout(axes, _merge(mine.order, theirs.order))
    groups = whole.groups()
    if not all(_all_or_none(group, layout) for group in groups for layout in (mine, theirs)):
        groups = tuple((atom,) for atom in whole.order)
    pair = [
        Value(value.node, layout).arranged(tuple(tuple(a for a in group if a in layout.order) for group in groups))
        for value, layout in ((one, mine), (other, theirs))
    ]
    return pair[0], pair[1], whole


def _all_or_none(group: Atoms, layout: Layout) -> bool:
    return len({atom in layout.order for atom in group}) == 1


def _merge(one: Atoms, other: Atoms) -> Atoms:
    """Return one order that both follow; LayoutError if there is none."""
    merged, left, right = [], list(one), list(other)
    while left or right:
        if left and left[0] not in other:
            merged.append(left.pop(0))
        elif right and right[0] not in one:
            merged.append(right.pop(0))
        elif left and right and left[0] is right[0]:
            merged.append(left.pop(0))
            right.pop(0)
        else:
            raise LayoutError("its two inputs have their axes in different orders")
    return tuple(merged)


def arithmetic(kind: str, layer: str) -> Convert:
    """Return the conversion of a sum, a product or their like: of two values, or of one and numbers in the file."""

    def convert(call: Call) -> Value:
        found = call.argument(0)
        for place in range(1, len(call.arguments)):
            found = _combine(call, found, call.argument(place))
        if not isinstance(found, Value):
            call.refuse("needs a computed value")
        return found

    def _combine(call: Call, one: Any, other: Any) -> Value:
        if isinstance(other, Constant):
            return combined(call, call.computed(one), kind, call.fixed(other))
        if isinstance(one, Constant):
            return combined(call, call.computed(other), kind, call.fixed(one), reversed=True)
        a, b, layout = aligned(call, call.computed(one), call.computed(other))
        return Value(call.layer(call.kind(layer), [a.node, b.node]), layout)

    return convert


def mean(call: Call) -> Value:
    """Convert Mean of values of one shape."""
    found = [call.computed(value) for value in call.arguments]
    if len({value.shape for value in found}) > 1:
        call.refuse(f"values of shapes {[('N', *value.shape) for value in found]}: a mean of equal shapes is supported")
    if len(found) == 1:
        return found[0]
    pairs = [aligned(call, found[0], value) for value in found[1:]]
    return Value(call.layer(call.kind("Average"), [pairs[0][0].node, *(b.node for _, b, _ in pairs)]), pairs[0][2])


def negative(call: Call) -> Value:
    """Convert Neg: times -1."""
    return combined(call, call.value(), "multiply", np.array(-1.0, np.float32))


OPERATORS: dict[str, Convert] = {
    "Add": arithmetic("add", "Add"),
    "Div": arithmetic("divide", "Divide"),
    "Max": arithmetic("maximum", "Maximum"),
    "Mean": mean,
    "Min": arithmetic("minimum", "Minimum"),
    "Mul": arithmetic("multiply", "Multiply"),
    "Neg": negative,
    "Sub": arithmetic("subtract", "Subtract"),
    "Sum": arithmetic("add", "Add"),
}
