"""Messages between a run and its workers: JSON and the plain bytes of arrays, never a pickle.

A worker has read hostile bytes, so what it sends back is not trusted either: nothing in it can name code, and an
array's bytes are counted before they are taken.
"""

from __future__ import annotations

import json
import struct
from math import prod
from typing import Any, BinaryIO

import numpy as np

MOST_TEXT = 2**26


class Broken(Exception):
    """The other side has ended, or sent what is no message."""


def send(stream: BinaryIO, value: Any) -> None:
    """value: None, bool, int, float, str, array, or a list, tuple or dict with text keys of these."""
    arrays: list[np.ndarray] = []
    text = json.dumps(to_json(value, arrays)).encode()
    kinds = json.dumps([[a.dtype.str, a.shape] for a in arrays]).encode()
    stream.write(struct.pack("<II", len(text), len(kinds)) + text + kinds)
    for a in arrays:
        stream.write(np.ascontiguousarray(a).data.cast("B") if a.size and a.ndim else a.tobytes())
    stream.flush()


def receive(stream: BinaryIO, most: float = float("inf")) -> tuple[Any, int]:
    """(a value, bytes of its arrays). Raises Broken; and MemoryError when its arrays hold more than `most` bytes."""
    text_length, kinds_length = struct.unpack("<II", exactly(stream, 8))
    if max(text_length, kinds_length) > MOST_TEXT:
        raise Broken
    text, kinds = exactly(stream, text_length), exactly(stream, kinds_length)
    try:
        shapes = [(np.dtype(kind), tuple(int(n) for n in shape)) for kind, shape in json.loads(kinds)]
        if any(kind.kind not in "biuf" or min(shape, default=0) < 0 for kind, shape in shapes):
            raise Broken
        total = sum(kind.itemsize * prod(shape) for kind, shape in shapes)
        if total > most:
            raise MemoryError
        arrays = [
            np.frombuffer(exactly(stream, kind.itemsize * prod(shape)), kind).reshape(shape) for kind, shape in shapes
        ]
        return from_json(json.loads(text), arrays), total
    except (TypeError, ValueError, KeyError, IndexError, RecursionError):
        raise Broken from None


def exactly(stream: BinaryIO, n: int) -> bytes:
    """n bytes. Raises Broken at the end."""
    data = stream.read(n)
    if len(data) != n:
        raise Broken
    return data


def to_json(value: Any, arrays: list[np.ndarray]) -> Any:
    """Arrays become {"array": place}, tuples {"tuple": [...]}, dicts {"dict": {...}}."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, (list, tuple)):
        items = [to_json(v, arrays) for v in value]
        return {"tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, dict):
        return {"dict": {k: to_json(v, arrays) for k, v in value.items()}}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, str):
        return str(value)  # pydicom's own kinds of text too
    return value


def from_json(value: Any, arrays: list[np.ndarray]) -> Any:
    """What `to_json` was given."""
    if isinstance(value, list):
        return [from_json(v, arrays) for v in value]
    if isinstance(value, dict):
        ((kind, content),) = value.items()
        if kind == "array":
            return arrays[content]
        if kind == "tuple":
            return tuple(from_json(v, arrays) for v in content)
        if kind == "dict":
            return {k: from_json(v, arrays) for k, v in content.items()}
        raise Broken
    return value
