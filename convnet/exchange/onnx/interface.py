"""A model's inputs and outputs: which axes they have here, and which in the file."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from convnet.exchange.onnx.conversion import Conversion
from convnet.exchange.onnx.errors import OnnxError
from convnet.exchange.onnx.layout import Layout, LayoutError, channels_last, plain
from convnet.exchange.onnx.nodes import OnnxNode
from convnet.exchange.onnx.package import onnx
from convnet.exchange.onnx.values import Constant, Label, Value

_CHANNELS_FIRST = frozenset(
    {
        *("AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "GlobalAveragePool", "GlobalMaxPool"),
        *("GroupNormalization", "InstanceNormalization", "MaxPool", "Resize", "Upsample"),
    }
)


_LAST_AXIS = frozenset({"LayerNormalization", "LogSoftmax", "MatMul", "Softmax"})  # usually


@dataclass(frozen=True)
class Declared:
    """An input as the file declares it: name, type, and sizes (None for those that it leaves open)."""

    name: str
    dtype: np.dtype
    sizes: tuple[int | None, ...]


def declared_inputs(model: Any, where: str) -> list[Declared]:
    """Return the graph's inputs that are no initializers; OnnxError for any but float32 and float64."""
    stored = {tensor.name for tensor in model.graph.initializer}
    found = []
    for info in model.graph.input:
        if info.name in stored:
            continue
        kind = info.type.tensor_type
        dtype = _dtype(kind.elem_type)
        if dtype not in (np.float32, np.float64):
            raise OnnxError(f"{where}: input {info.name!r} is {dtype}: models take float32 or float64")
        if not info.type.tensor_type.HasField("shape"):
            raise OnnxError(f"{where}: input {info.name!r} has no shape: export the model with one")
        sizes = tuple(d.dim_value if d.WhichOneof("value") == "dim_value" else None for d in kind.shape.dim)
        found.append(Declared(info.name, dtype, sizes))
    return found


def _dtype(number: int) -> np.dtype:
    """Return the NumPy type of one of ONNX's; that of objects if there is none."""
    try:
        return onnx("helper").tensor_dtype_to_np_dtype(number)
    except KeyError:
        return np.dtype(object)


def with_shape(one: Declared, given: Any, where: str) -> Declared:
    """Return an input with the sizes that the caller gives; OnnxError unless all but the first are known then."""
    sizes = one.sizes
    if given is not None:
        if len(given) != len(sizes) or any(n not in (None, m) for n, m in zip(sizes, given, strict=True)):
            raise OnnxError(f"{where}: input {one.name!r} has shape {sizes}, which {tuple(given)} does not fit")
        sizes = tuple(given)
    if not sizes or any(n is None or n < 1 for n in sizes[1:]):
        raise OnnxError(
            f"{where}: input {one.name!r} has shape {sizes}: the first axis must be that of the images, and the sizes "
            f"of the others must be known. Export the model with them, or give input_shapes={{{one.name!r}: (...)}}"
        )
    return Declared(one.name, one.dtype, sizes)


def input_layout(
    one: Declared, nodes: list[OnnxNode], weights: dict[str, np.ndarray], ours: bool = False
) -> tuple[Layout, list[int]]:
    """Return how an input's axes lie here: those of images and signals with channels last, any others as in the file.

    The list has, for each axis of a sample here, which one it is in the file.

    What reads the input decides: an operator whose channels come first, or a transposition before one. If nothing does,
    a file of `ours` has its channels last.
    """
    shape: tuple[int, ...] = one.sizes[1:]  # type: ignore[assignment]
    if len(shape) not in (2, 3):
        return plain(shape), list(range(len(shape)))
    channels = _channels(one.name, nodes, weights)
    first = (
        channels in (-1, shape[0])
        if channels is not None
        else (len(shape) == 3 and not ours and not _listing_like(shape))
    )
    if not first:
        return plain(shape), list(range(len(shape)))
    return channels_last(shape), [*range(1, len(shape)), 0]


def _listing_like(shape: tuple[int, ...]) -> bool:
    return shape[-1] in (1, 3) and shape[0] not in (1, 3)


def _channels(name: str, nodes: list[OnnxNode], weights: dict[str, np.ndarray]) -> int | None:
    """Return the channels that the first operator with channels wants, -1 if it takes any; None if there is none.

    0 if a transposition comes first, or an operator on the last axis: the file itself has the channels elsewhere.
    """
    readers: dict[str, list[OnnxNode]] = {}
    for node in nodes:
        for read in node.inputs:
            readers.setdefault(read, []).append(node)
    queue, seen = deque([(name, False)]), {name}
    while queue:
        read, reshaped = queue.popleft()
        for node in readers.get(read, []):
            if node.operator == "Transpose" or (node.operator in _LAST_AXIS and not reshaped):
                return 0
            if node.operator == "Conv" and node.inputs[1] in weights:
                return int(weights[node.inputs[1]].shape[1]) * node.attributes.get("group", 1)
            if node.operator in _CHANNELS_FIRST:
                return -1
            for made in set(node.outputs) - seen:
                seen.add(made)
                queue.append((made, reshaped or node.operator in ("Flatten", "Reshape")))
    return None


@dataclass(frozen=True)
class End:
    """An output of the model: its node, and what `model.metadata["onnx"]` says of it."""

    node: Any
    record: dict[str, Any]


def finish_outputs(conversion: Conversion) -> tuple[list[End], list[dict[str, Any]], tuple[str, ...]]:
    """Return the model's outputs, what is said of labels that are no output of their own, and the names of classes.

    A label's output are its scores; if they are an output already, the label only says how it is read off them.
    """
    from convnet.layers import Activation

    ends: dict[int, End] = {}
    labels: list[dict[str, Any]] = []
    classes: tuple[str, ...] = ()
    for plain_ones in (True, False):
        for name in conversion.outputs:
            value = conversion.values.get(name)
            if isinstance(value, Label) == plain_ones:
                continue
            if isinstance(value, Label):
                classes = classes or value.classes
                node, axes = _finished(conversion, name, value.scores)
                label = {"argmax": axes.index(value.axis + 1), "keepdims": value.keepdims}
                if id(node) in ends:
                    labels.append({"name": name, "of": ends[id(node)].record["name"], **label})
                    continue
            else:
                (node, axes), label = _finished(conversion, name, value), {}
                if id(node) in ends:  # another name of the same value: an output of its own
                    node = Activation("linear", name=conversion.unique_name(name))(node)
            ends[id(node)] = End(node, {"name": name, "axes": axes, **label})
    order = {name: k for k, name in enumerate(conversion.outputs)}
    return sorted(ends.values(), key=lambda end: order[end.record["name"]]), labels, classes


def _finished(conversion: Conversion, name: str, value: Any) -> tuple[Any, list[int]]:
    """Return an output's node, and for each of its axes which one it is in the file."""
    if not isinstance(value, Value):
        what = "numbers that do not depend on the input" if isinstance(value, Constant) else "not made by any node"
        raise OnnxError(f"{conversion.where}: output {name!r} is {what}")
    rank = len(value.shape)
    last = [*range(1, rank), 0] if rank in (2, 3) else list(range(rank))
    orders = sorted(
        [last, list(range(rank))], key=lambda o: tuple(value.shape[a] for a in o) != value.node.sample_shape
    )
    for order in orders:
        try:
            node = value.arranged(tuple(value.layout.axes[a] for a in order)).node
        except LayoutError:
            continue
        return node, [0, *(a + 1 for a in order)]
    raise OnnxError(
        f"{conversion.where}: output {name!r} of shape {('N', *value.shape)} lies in another order of axes here: a "
        "transposition while the model runs is not supported. End the model before its last transposition or flattening"
    )
