"""Arguments and results as bytes between the grader and a student's process, with nothing in them that could run.

A message is its length (8 bytes), the length of a JSON header (4 bytes), the header, and the bytes of the arrays, one
after the other. This file is imported in the student's process, which has NumPy, but neither convnet nor kernels.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

KINDS = "fiubc"  # floating-point, integer, bool, complex
HEAD = struct.Struct("<QI")


class WireError(ValueError):
    """Bytes that are no message."""


def pack(value: Any) -> bytes:
    """Return a message. Arrays of objects, and values of other types, become the name of their type."""
    arrays: list[bytes] = []
    header = json.dumps(_encode(value, arrays)).encode()
    body = b"".join(arrays)
    return HEAD.pack(len(header) + len(body), len(header)) + header + body


def _encode(value: Any, arrays: list[bytes]) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return {"value": value} if not isinstance(value, int) or abs(value) < 2**63 else {"type": "int"}
    if isinstance(value, np.ndarray | np.generic):
        a = np.asarray(value)
        if a.dtype.kind not in KINDS or (type(value) is not np.ndarray and not isinstance(value, np.generic)):
            return {"type": f"array of {a.dtype}"}
        a = a.astype(a.dtype.newbyteorder("<"), order="C", copy=False)
        arrays.append(a.tobytes())
        return {"dtype": a.dtype.str, "shape": list(a.shape), "scalar": isinstance(value, np.generic)}
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, tuple):
        return {"tuple": [_encode(v, arrays) for v in value]}
    if isinstance(value, dict):
        return {"dict": {str(k): _encode(v, arrays) for k, v in value.items()}}
    return {"type": type(value).__name__}


def read_message(read: Callable[[int], bytes], most: int) -> Any:
    """Return the next message; WireError if it is none, or longer than `most` bytes. `read(n)` returns n bytes."""
    length, header = HEAD.unpack(read(HEAD.size))
    if not header <= length <= most:
        raise WireError(f"the result is larger than {most} bytes")
    data = read(length)
    try:
        value, rest = _decode(json.loads(data[:header]), memoryview(data)[header:])
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise WireError("the result cannot be read") from error
    if len(rest):
        raise WireError("the result cannot be read")
    return value


class Foreign:
    """A value that is neither a number nor an array: only its type's name came over."""


def _decode(header: dict[str, Any], data: memoryview) -> tuple[Any, memoryview]:
    if "value" in header:
        if not (header["value"] is None or isinstance(header["value"], bool | int | str)):
            raise WireError("no value")
        return header["value"], data
    if "float" in header:
        return float.fromhex(header["float"]), data
    if "dtype" in header:
        return _decode_array(header, data)
    if "tuple" in header:
        values = []
        for part in header["tuple"]:
            value, data = _decode(part, data)
            values.append(value)
        return tuple(values), data
    if "dict" in header:
        found = {}
        for key, part in header["dict"].items():
            found[key], data = _decode(part, data)
        return found, data
    name = str(header["type"])[:40]
    return type(name, (Foreign,), {})(), data


def _decode_array(header: dict[str, Any], data: memoryview) -> tuple[Any, memoryview]:
    dtype, shape = np.dtype(str(header["dtype"])), [int(n) for n in header["shape"]]
    if dtype.kind not in KINDS or dtype.itemsize > 32 or len(shape) > 32 or min(shape, default=0) < 0:
        raise WireError("no array of numbers")
    size = math.prod(shape) * dtype.itemsize
    if size > len(data):
        raise WireError("an array is shorter than it says")
    a = np.frombuffer(data[:size], dtype).reshape(shape).astype(dtype.newbyteorder("="))
    return (a[()] if header.get("scalar") and not shape else a), data[size:]
