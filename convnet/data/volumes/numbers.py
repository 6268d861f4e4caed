"""The voxels of a file, taken from its bytes once their number is known to be within the limits."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from convnet.data.errors import DicomError
from convnet.data.limits import current, refuse


def require_voxels(shape: Sequence[int], path: object) -> tuple[int, int, int]:
    """Return (I,J,K) of a stated shape. Raises DicomError unless it is one volume within the limits.

    Axes of length 1 behind the third are nothing; two axes are one slice.
    """
    sides = [int(n) for n in shape]
    while len(sides) > 3 and sides[-1] == 1:
        sides.pop()
    if not 2 <= len(sides) <= 3 or min(sides) < 1:
        text = " x ".join(map(str, sides[:8]))
        more = ": several volumes in one file: save each as a file of its own" if len(sides) > 3 else ""
        raise DicomError(path, f"has voxels on {text or 'no'} places: expected one volume of two or three axes{more}")
    limits = current()
    if prod(sides) > limits.values:
        raise refuse(path, f"states {' x '.join(map(str, sides))} voxels, the limit is {limits.values}", "values")
    if max(sides) > limits.frames:
        raise refuse(path, f"states {max(sides)} slices, the limit is {limits.frames}", "frames")
    return sides[0], sides[1], (*sides, 1)[2]


def voxels(
    data: bytes | bytearray | memoryview, dtype: np.dtype, shape: tuple[int, int, int], path: object
) -> np.ndarray:
    """Return the voxels (I,J,K) at the beginning of the data, the first axis running fastest: a view, not a copy."""
    needed = prod(shape) * dtype.itemsize
    if len(data) < needed:
        raise DicomError(path, f"ends too early: {len(data)} bytes of voxels, expected {needed}")
    return np.frombuffer(data, dtype, prod(shape)).reshape(shape, order="F")
