"""A value and numbers in the file: sums, products and their like, which training leaves alone."""

from __future__ import annotations

import numpy as np

from convnet.exchange.onnx.conversion import Call
from convnet.exchange.onnx.layout import Atoms, Layout, plain
from convnet.exchange.onnx.values import Value


def combined(call: Call, x: Value, kind: str, numbers: np.ndarray, reversed: bool = False) -> Value:
    """Return x (kind) numbers, or numbers (kind) x; axes of length 1 are repeated on either side."""
    rank = len(x.shape)
    array = numbers[0] if numbers.ndim == rank + 1 and len(numbers) == 1 else numbers
    fits = all(1 in (n, m) or n == m for n, m in zip(array.shape[::-1], x.shape[::-1], strict=False))
    if array.ndim > max(rank, 1) or not fits:
        call.refuse(f"numbers of shape {numbers.shape} do not fit a value of shape {('N', *x.shape)}")
    array = array.reshape((1,) * (rank - array.ndim) + array.shape) if rank else array.reshape(-1)
    new = plain(tuple(n if m == 1 else 1 for n, m in zip(array.shape, x.shape, strict=False)))
    axes = tuple(mine or other for mine, other in zip(x.layout.axes, new.axes, strict=False))
    layout = Layout(axes, _order(x.layout, new)) if rank else x.layout
    groups = layout.groups()
    values = layout.arrange(array, groups) if groups else array.reshape(1)
    own = tuple(tuple(a for a in group if a in x.layout.order) for group in groups)
    parameters = {"constant": np.ascontiguousarray(values, x.node.dtype)}
    layer = {"kind": kind, "shape": list(values.shape), "reversed": reversed}
    return Value(call.layer(call.kind("ConstantArithmetic"), x.arranged(own).node, parameters, **layer), layout)


def _order(old: Layout, new: Layout) -> Atoms:
    """Return an order of old and new atoms: a new axis lies behind the one before it, new channels of an image last."""
    order = list(old.order)
    for i, atoms in enumerate(new.axes):
        if not atoms:
            continue
        before = [a for axis in (*old.axes[:i], *new.axes[:i]) for a in axis]
        last = max((order.index(a) for a in before if a in (*old.axes[i - 1], *new.axes[i - 1])), default=None)
        if i == 0 and len(old.axes) == 3:
            order += atoms
        elif i and last is not None:
            order[last + 1 : last + 1] = atoms
        else:
            at = max((order.index(a) + 1 for a in before), default=0)
            order[at:at] = atoms
    return tuple(order)


def repeated(call: Call, x: Value, counts: tuple[int, ...]) -> Value:
    """Return the value with axes of length 1 repeated so many times: times ones, one axis after the other."""
    if any(count > 1 and n > 1 for count, n in zip(counts, x.shape, strict=True)):
        call.refuse(
            f"a value of shape {('N', *x.shape)} repeated {counts} times: only axes of length 1 can be repeated"
        )
    for axis, count in enumerate(counts):
        if count > 1:
            ones = np.ones([count if i == axis else 1 for i in range(len(counts))], x.node.dtype)
            x = combined(call, x, "multiply", ones)
    return x
