"""Arrays as text in a page: the bytes of all numbers' first places, then of the second ..., gzip, base64.

Numbers of like size share their high bytes, so planes of bytes pack better than numbers do. The page's `unpack.js`
reads the same form.
"""

from __future__ import annotations

import base64
import gzip
from typing import Any

import numpy as np

Box = tuple[tuple[int, int], tuple[int, int]]  # rows and columns of an image that are kept


def packed(array: np.ndarray, box: Box | None = None) -> dict[str, Any]:
    """One array as JSON; with `box`, only those rows and columns of (H,W,C), the rest being unknown to the page."""
    entry: dict[str, Any] = {"shape": list(array.shape), "dtype": array.dtype.name}
    kept = array
    if box is not None:
        (top, bottom), (left, right) = box
        kept, entry["box"] = array[top:bottom, left:right], [[top, bottom], [left, right]]
    little = np.ascontiguousarray(kept, array.dtype.newbyteorder("<"))
    planes = little.reshape(-1).view(np.uint8).reshape(-1, array.itemsize).T
    entry["data"] = base64.b64encode(gzip.compress(planes.tobytes(), 6, mtime=0)).decode()
    return entry


def unpacked(entry: dict[str, Any]) -> np.ndarray:
    """The array again; NaN outside a box."""
    dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
    planes = np.frombuffer(gzip.decompress(base64.b64decode(entry["data"])), np.uint8)
    kept = np.ascontiguousarray(planes.reshape(dtype.itemsize, -1).T).view(dtype.newbyteorder("<")).astype(dtype)
    if "box" not in entry:
        return kept.reshape(shape)
    (top, bottom), (left, right) = entry["box"]
    whole = np.full(shape, np.nan, dtype)
    whole[top:bottom, left:right] = kept.reshape(bottom - top, right - left, *shape[2:])
    return whole
