"""Sums, products and their like of two values; axes of length 1 are repeated."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.layout import Atoms, Layout, LayoutError, matched
from convnet.exchange.onnx.operators.scaling import scaled
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


def add(call: Call) -> Any:
    """Convert Add of two values, or of a value and numbers."""
    numbers, x = _numbers_and_value(call)
    return _merged(call, "Add") if x is None else scaled(call, x, offset=numbers)


def subtract(call: Call) -> Any:
    """Convert Sub of two values, of numbers from a value, or of a value from numbers."""
    numbers, x = _numbers_and_value(call)
    if x is None:
        return _merged(call, "Subtract")
    if isinstance(call.argument(1), Value):
        return scaled(call, x, -np.ones(1, x.node.dtype), numbers)
    return scaled(call, x, offset=-numbers)


def multiply(call: Call) -> Any:
    """Convert Mul of two values, or of a value and numbers."""
    numbers, x = _numbers_and_value(call)
    return _merged(call, "Multiply") if x is None else scaled(call, x, numbers)


def divide(call: Call) -> Any:
    """Convert Div of a value by numbers."""
    numbers, x = _numbers_and_value(call)
    if x is None or isinstance(call.argument(1), Value):
        call.refuse("a division by a computed value is not supported: only by numbers in the file")
    with np.errstate(divide="ignore"):
        return scaled(call, x, (1 / numbers.astype(np.float64)).astype(numbers.dtype))


def _numbers_and_value(call: Call) -> tuple[np.ndarray, Value | None]:
    """Return the input that is numbers and the one that is a value; no value if both are computed."""
    for place in (0, 1):
        if isinstance(call.argument(place), Constant):
            numbers = call.numbers(place)
            assert numbers is not None
            return numbers, call.value(1 - place)
    return np.zeros(0), None


def _merged(call: Call, kind: str) -> Value:
    a, b, layout = aligned(call, call.value(0), call.value(1))
    return Value(call.layer(call.kind(kind), [a.node, b.node]), layout)


OPERATORS: dict[str, Convert] = {"Add": add, "Div": divide, "Mul": multiply, "Sub": subtract}
