"""Mutated ONNX files: their bytes, and the fields of their nodes, tensors and shapes."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from tests.fuzz import bytes as plain

NUMBERS = (0, 1, -1, 2, 3, 7, 2**16, 2**31 - 1, 2**40, 2**62, -(2**63))
WORDS = ("", "x", "y", "Relu", "Conv", "Reshape", "Gemm", "Concat", "Sin", "NOTSET", "SAME_UPPER", "../x", "\0", "N")


@cache
def seeds() -> list[bytes]:
    """Small networks with images, branches, shapes that are computed, and external data that is not there."""
    from tests.exchange.onnx_files import model

    rng = np.random.default_rng(0)
    weights = {
        "k": rng.standard_normal((4, 2, 3, 3)).astype(np.float32),
        "b": rng.standard_normal(4).astype(np.float32),
        "w": rng.standard_normal((36, 3)).astype(np.float32),
        "s": np.array([-1, 36], np.int64),
        "one": np.array([1], np.int64),
        "zero": np.array([0], np.int64),
        **{name: rng.uniform(0.5, 2, 4).astype(np.float32) for name in ("g", "m", "v")},
    }
    image = {"x": ["N", 2, 8, 8]}
    head = [("Conv", "x k b", "c", {"pads": [1, 1, 1, 1], "strides": [1, 1]}), ("Relu", "c", "r", {})]
    pool = ("MaxPool", "r", "p", {"kernel_shape": [3, 3], "strides": [3, 3], "ceil_mode": 1})
    tail = [("Reshape", "p s", "f", {"allowzero": 0}), ("MatMul", "f w", "e", {}), ("Softmax", "e", "y", {"axis": 1})]
    norm = [("BatchNormalization", "r g b m v", "n", {}), ("Add", "n c", "a", {})]
    shapes = [("Shape", "p", "t", {}), ("Slice", "t zero one", "u", {}), ("Concat", "u six", "z", {"axis": 0})]
    shapes += [("Reshape", "p z", "f", {})]
    six = {"six": np.array([-1], np.int64)}
    nets = [
        ([*head, pool, *tail], image, {"y": ["N", 3]}, weights),
        ([*head, *norm, ("GlobalAveragePool", "a", "y", {})], image, {"y": ["N", 4, 1, 1]}, weights),
        ([*head, pool, *shapes, *tail[1:]], image, {"y": ["N", 3]}, weights | six),
    ]
    protos = [model(*net) for net in nets]
    outside = model(*nets[0])
    tensor = outside.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../weights.bin"
    return [proto.SerializeToString() for proto in (*protos, outside)]


def good() -> bytes:
    """A file that must be read whatever its neighbours are."""
    return seeds()[0]


def mutation(seed: int, number: int) -> bytes:
    """Mutated file `number`: bytes, or fields of its messages, or both."""
    chance = random.Random(f"onnx/{seed}/{number}")
    data, kind = chance.choice(seeds()), chance.random()
    if kind > 0.3:
        data = fields_mutated(data, chance)
    return plain.mutated(data, chance, chance.choice(seeds())) if kind < 0.4 else data


def fields_mutated(data: bytes, chance: random.Random) -> bytes:
    """1 to 3 fields somewhere in the messages replaced, removed or repeated."""
    import onnx

    proto = onnx.load_model_from_string(data)
    for _ in range(chance.choice((1, 1, 2, 3))):
        message = proto.graph if chance.random() < 0.8 else proto
        while inner := [m for m in _messages(message) if chance.random() < 0.9]:
            message = chance.choice(inner)
            if chance.random() < 0.25:
                break
        _change(message, chance)
    return proto.SerializeToString()


def _messages(message: Any) -> list[Any]:
    found: list[Any] = []
    for field, value in message.ListFields():
        if field.message_type is not None:
            found += list(value) if field.is_repeated else [value]
    return found


def _change(message: Any, chance: random.Random) -> None:
    """Change one field of a message, in place."""
    fields = [(f, v) for f, v in message.ListFields() if f.message_type is None]
    if not fields:
        return
    field, value = chance.choice(fields)
    if chance.random() < 0.15:
        message.ClearField(field.name)
        return
    kinds = {str: WORDS, bytes: (b"", b"\0" * 7, b"\xff" * 64), int: NUMBERS, float: (0.0, float("nan"), 1e38)}
    try:
        if field.is_repeated:
            items = list(value)
            at = chance.randrange(len(items))
            items[at : at + 1] = [chance.choice(kinds[type(items[at])])] * chance.choice((0, 1, 1, 2))
            message.ClearField(field.name)
            getattr(message, field.name).extend(items)
        else:
            setattr(message, field.name, chance.choice(kinds[type(value)]))
    except ValueError:  # the number is out of the field's range
        message.ClearField(field.name)


def onnx_file(path: str) -> Iterator[tuple[str, float]]:
    """What a command does with the file, and one prediction. Yields ('model' or why not, seconds)."""
    from convnet.exchange import load_onnx
    from convnet.exchange.onnx.errors import OnnxError

    start = time.monotonic()
    try:
        model = load_onnx(path)
    except OnnxError as error:
        if "\n" in str(error):
            raise AssertionError("an error is one line") from None
        yield " ".join(str(error).replace(str(path), "").split()), time.monotonic() - start
        return
    shape = model.input_shape
    if np.prod(shape) > 2**20:
        yield "a large input", time.monotonic() - start
        return
    model.predict(np.zeros((1, *shape), np.float32), verbose=0)
    yield "model", time.monotonic() - start
