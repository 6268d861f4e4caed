"""Operators that only say which axes there are: nothing is computed for them, no number is moved."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.operators.scaling import repeated
from convnet.exchange.onnx.values import Constant, Value, constant


def shape_of(call: Call) -> Any:
    """Convert Shape: numbers that are known, for both trial numbers of images."""
    shape, (start, end) = call.value().shape, (call.attribute("start", 0), call.attribute("end"))
    one, other = (np.array((trial, *shape)[start:end], np.int64) for trial in call.conversion.trials)
    return constant(one, other)


def size_of(call: Call) -> Any:
    """Convert Size: how many numbers a value has."""
    one, other = (np.array(trial * prod(call.value().shape), np.int64) for trial in call.conversion.trials)
    return constant(one, other)


def flatten(call: Call) -> Value:
    """Convert Flatten with the images' axis first: the rest becomes one axis."""
    axis = call.attribute("axis", 1)
    x = call.value()
    if axis not in (1, -len(x.shape)):
        call.refuse(
            f"axis={axis} of a value of shape {('N', *x.shape)} would not keep the images apart: flatten with axis=1"
        )
    return Value(x.node, x.layout.reshaped((prod(x.shape),)))


def reshape(call: Call) -> Value:
    """Convert Reshape, whose first axis must stay that of the images."""
    x, target = call.value(), call.argument(1)
    if not isinstance(target, Constant):
        call.refuse("its new shape must be known when the file is read, not computed from the model's input")
    shapes = [
        _resolved(call, (trial, *x.shape), [int(n) for n in target[k]])
        for k, trial in enumerate(call.conversion.trials)
    ]
    if [s[:1] for s in shapes] != [(t,) for t in call.conversion.trials] or shapes[0][1:] != shapes[1][1:]:
        call.refuse(f"a value of shape {('N', *x.shape)} as {list(target.array)} would not keep the images apart")
    return Value(x.node, x.layout.reshaped(shapes[0][1:]))


def _resolved(call: Call, shape: tuple[int, ...], target: list[int]) -> tuple[int, ...]:
    if not call.attribute("allowzero", 0):
        target = [shape[i] if n == 0 and i < len(shape) else n for i, n in enumerate(target)]
    known = prod(n for n in target if n != -1)
    if target.count(-1) > 1 or known < 1 or prod(shape) % known or (-1 not in target and known != prod(shape)):
        call.refuse(f"a value of shape ('N', {', '.join(map(str, shape[1:]))}) does not fit into {target}")
    return tuple(prod(shape) // known if n == -1 else n for n in target)


def transpose(call: Call) -> Value:
    """Convert Transpose, which must leave the images' axis first."""
    x = call.value()
    perm = tuple(call.attribute("perm") or range(len(x.shape), -1, -1))
    if sorted(perm) != list(range(len(x.shape) + 1)) or perm[0] != 0:
        call.refuse(f"perm={list(perm)} of a value of shape {('N', *x.shape)}: the images' axis must stay the first")
    return Value(x.node, x.layout.transposed(tuple(p - 1 for p in perm[1:])))


def squeeze(call: Call) -> Value:
    """Convert Squeeze: axes of length 1 are dropped."""
    x = call.value()
    axes = call.integers(1)
    gone = {i for i, n in enumerate(x.shape) if n == 1} if axes is None else {call.axis(a, len(x.shape)) for a in axes}
    if any(x.shape[i] != 1 for i in gone):
        call.refuse(f"axes {axes} of a value of shape {('N', *x.shape)} are not all of length 1")
    return Value(x.node, x.layout.reshaped(tuple(n for i, n in enumerate(x.shape) if i not in gone)))


def unsqueeze(call: Call) -> Value:
    """Convert Unsqueeze: axes of length 1 are added."""
    x, axes = call.value(), call.integers(1) or ()
    rank = len(x.shape) + len(axes)
    new = {call.axis(a, rank) for a in axes}
    left = iter(x.shape)
    return Value(x.node, x.layout.reshaped(tuple(1 if i in new else next(left) for i in range(rank))))


def expand(call: Call) -> Value:
    """Convert Expand: axes of length 1 are repeated, but that of the images is not."""
    x, target = call.value(), call.argument(1)
    if not isinstance(target, Constant):
        call.refuse("its new shape must be known when the file is read, not computed from the model's input")
    wanted = []
    for k, trial in enumerate(call.conversion.trials):
        shape = np.broadcast_shapes((trial, *x.shape), tuple(int(n) for n in target[k]))
        if len(shape) != len(x.shape) + 1 or shape[0] != trial:
            call.refuse(f"a value of shape {('N', *x.shape)} as {list(target[k])} would not keep the images apart")
        wanted.append(shape[1:])
    if wanted[0] != wanted[1]:
        call.refuse("its new shape depends on the number of images")
    return repeated(call, x, tuple(n // m for n, m in zip(wanted[0], x.shape, strict=True)))


def tile(call: Call) -> Value:
    """Convert Tile of axes of length 1."""
    x, counts = call.value(), call.integers(1)
    if counts is None or len(counts) != len(x.shape) + 1 or counts[0] != 1:
        call.refuse(f"repeats {counts} of a value of shape {('N', *x.shape)}: the images cannot be repeated")
    return repeated(call, x, counts[1:])


def cast(call: Call) -> Value:
    """Convert Cast to the type that the model computes in already."""
    from convnet.exchange.onnx.package import onnx

    wanted = onnx("helper").tensor_dtype_to_np_dtype(call.attribute("to"))
    x = call.value()
    if wanted != x.node.dtype:
        call.refuse(f"a cast from {x.node.dtype} to {wanted} is not supported: export the model in one float type")
    return x


def cast_like(call: Call) -> Any:
    """Convert CastLike: a value keeps its type, numbers take the type of the value that they go with."""
    x, like = call.argument(0), call.argument(1)
    wanted = like.node.dtype if isinstance(like, Value) else like.array.dtype if isinstance(like, Constant) else None
    if isinstance(x, Constant):
        return constant(x.array.astype(wanted), x.other.astype(wanted), x.name)
    if call.value().node.dtype != wanted:
        call.refuse(f"a cast from {call.value().node.dtype} to {wanted} is not supported: export in one float type")
    return x


OPERATORS: dict[str, Convert] = {
    "Cast": cast,
    "CastLike": cast_like,
    "Expand": expand,
    "Flatten": flatten,
    "Reshape": reshape,
    "Shape": shape_of,
    "Size": size_of,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
