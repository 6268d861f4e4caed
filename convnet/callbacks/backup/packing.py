"""Nested Python values as JSON and arrays, and back: to the bit, NaN and tuples included, and never code."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np

Tensors = dict[str, np.ndarray]


def pack(value: Any, tensors: Tensors) -> Any:
    """Return a value as JSON, its arrays added to `tensors` by their digests; TypeError for what is no plain value.

    An array that occurs twice is kept once.
    """
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.array(value, order="C", copy=None)
        if array.dtype.kind not in "fiub" or not array.dtype.isnative:
            raise TypeError(f"an array of {array.dtype} cannot be kept")
        name = digest(array)
        tensors[name] = array
        return {"array" if isinstance(value, np.ndarray) else "number": name}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (list, tuple)):
        items = [pack(item, tensors) for item in value]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, dict):
        return {"dict": [[pack(key, tensors), pack(item, tensors)] for key, item in value.items()]}
    raise TypeError(f"a {type(value).__name__} cannot be kept: only numbers, text, arrays, lists and dicts of them")


def unpack(packed: Any, tensors: Tensors) -> Any:
    """Return the value of `pack`, its arrays as copies; ValueError or KeyError for anything else."""
    if isinstance(packed, list):
        return [unpack(item, tensors) for item in packed]
    if not isinstance(packed, dict):
        return packed
    ((kind, content),) = packed.items()
    match kind:
        case "array":
            return tensors[content].copy()
        case "number":
            return tensors[content][()]
        case "float":
            return float(content)
        case "tuple":
            return tuple(unpack(item, tensors) for item in content)
        case "dict":
            return {unpack(key, tensors): unpack(item, tensors) for key, item in content}
    raise ValueError(f"it holds an unknown kind of value, {kind!r}")


def can_pack(value: Any) -> bool:
    """Return True if `pack` can keep a value."""
    try:
        pack(value, {})
    except TypeError:
        return False
    return True


def digest(array: np.ndarray) -> str:
    """Return the SHA-256 of an array's type, shape and numbers."""
    found = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    found.update(array.reshape(-1).view(np.uint8).data if array.size else b"")
    return found.hexdigest()
