"""Which places of x each place of y reads along one axis, and with which weights: of padding, slices and resizing."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import Any, NamedTuple

import numpy as np

Places = tuple[tuple[tuple[int, float], ...], ...]  # of one axis: for each place of y, (place of x, weight) pairs
Taps = tuple[Places | None, ...]

MODES = ("constant", "edge", "reflect")
METHODS = ("nearest", "linear")
COORDINATES = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def pad(length: int, before: int, after: int, mode: str = "constant") -> Places:
    """Return the taps of an axis with places put before and after it; negative numbers take places away."""
    if mode not in MODES:
        raise ValueError(f"pad: mode must be one of {', '.join(MODES)}, got {mode!r}")
    if length + before + after < 0 or (mode != "constant" and length == 0):
        raise ValueError(f"pad: an axis of length {length} cannot be padded by {before} and {after}, mode {mode!r}")
    if mode == "reflect" and max(before, after) >= length:
        raise ValueError(f"pad: reflection adds less than the axis's length, {length}, got {before} and {after}")
    places = (_mirrored(i - before, length, mode) for i in range(length + before + after))
    return tuple(() if p is None else ((p, 1.0),) for p in places)


def _mirrored(place: int, length: int, mode: str) -> int | None:
    if 0 <= place < length:
        return place
    if mode == "constant":
        return None
    if mode == "edge":
        return min(max(place, 0), length - 1)
    return -place if place < 0 else 2 * (length - 1) - place


def cut(length: int, start: int, count: int, step: int = 1) -> Places:
    """Return the taps of `count` places of an axis: start, start + step, ..; the step may be negative."""
    places = [start + step * i for i in range(count)]
    if any(not 0 <= p < length for p in places):
        raise ValueError(f"cut: an axis of length {length} has no places {places[0]} to {places[-1]}")
    return tuple(((p, 1.0),) for p in places)


class Sampling(NamedTuple):
    """How a resized axis reads the old one, in ONNX's words (operator Resize).

    method       "nearest" (one place, by `rounding`) or "linear" (two, by their distance)
    coordinates  where a new place lies on the old axis; "half_pixel" keeps the image's corners
    rounding     of a place between two, for "nearest"
    scale        new length by old; None: the quotient of the lengths
    """

    method: str = "nearest"
    coordinates: str = "half_pixel"
    rounding: str = "round_prefer_floor"
    scale: float | None = None


@lru_cache(maxsize=256)
def resize(length: int, count: int, sampling: Sampling) -> Places:
    """Return the taps of an axis resized to `count` places; places outside of it read its nearest end."""
    for name, value, known in zip(
        ("method", "coordinates", "rounding"), sampling[:3], (METHODS, COORDINATES, ROUNDINGS), strict=True
    ):
        if value not in known:
            raise ValueError(f"resize: {name} must be one of {', '.join(known)}, got {value!r}")
    if length < 1 or count < 1:
        raise ValueError(f"resize: an axis of length {length} cannot become one of {count}: both must be at least 1")
    scale = Fraction(count, length) if sampling.scale is None else Fraction(sampling.scale)
    if scale <= 0:
        raise ValueError(f"resize: scale must be positive, got {sampling.scale}")
    places: list[tuple[tuple[int, float], ...]] = []
    for i in range(count):
        at = _coordinate(i, length, count, scale, sampling.coordinates)
        if sampling.method == "nearest":
            places.append(((min(max(_rounded(at, sampling.rounding), 0), length - 1), 1.0),))
        else:
            places.append(_between(at, length))
    return tuple(places)


def _coordinate(i: int, length: int, count: int, scale: Fraction, mode: str) -> Fraction:
    """Return where place i lies on the old axis, exactly."""
    if mode == "asymmetric":
        return i / scale
    if mode == "align_corners":
        return Fraction(0) if count == 1 else Fraction(i * (length - 1), count - 1)
    if mode == "pytorch_half_pixel" and count == 1:
        return Fraction(0)
    return (i + Fraction(1, 2)) / scale - Fraction(1, 2)


def _rounded(at: Fraction, rounding: str) -> int:
    if rounding == "floor":
        return floor(at)
    if rounding == "ceil":
        return ceil(at)
    return ceil(at - Fraction(1, 2)) if rounding == "round_prefer_floor" else floor(at + Fraction(1, 2))


def _between(at: Fraction, length: int) -> tuple[tuple[int, float], ...]:
    """Return the two neighbours and their weights; one, if the other would count nothing."""
    at = min(max(at, Fraction(0)), Fraction(length - 1))
    low = floor(at)
    share = float(at - low)
    return ((low, 1.0),) if share == 0 else ((low, float(1 - (at - low))), (low + 1, share))


# --- the normal form of variants


class Table(NamedTuple):
    """One axis's taps as arrays: those of place i are numbers start[i] to start[i + 1] of place and weight."""

    start: np.ndarray
    place: np.ndarray
    weight: np.ndarray


def check_taps(op: str, x_shape: tuple[int, ...], taps: Any) -> tuple[int, ...]:
    """Return the shape of the result; ValueError if the taps are not one entry an axis, inside of x."""
    if len(x_shape) > 4:
        raise ValueError(f"{op}: x may have up to 4 axes, got shape {x_shape}")
    if not isinstance(taps, tuple) or len(taps) != len(x_shape):
        raise ValueError(f"{op}: taps must be a tuple with one entry for each axis of x, {x_shape}, got {len(taps)}")
    return tuple(n if t is None else _checked(op, n, t) for n, t in zip(x_shape, taps, strict=True))


@lru_cache(maxsize=256)
def _checked(op: str, length: int, places: Places) -> int:
    for i, pairs in enumerate(places):
        for place, _ in pairs:
            if not 0 <= place < length:
                raise ValueError(f"{op}: place {i} reads {place}, but that axis of x has {length} places")
    return len(places)


@lru_cache(maxsize=256)
def tables(x_shape: tuple[int, ...], taps: Taps, transposed: bool) -> tuple[Table, ...]:
    """Return four tables, of which the first are axes of length 1; `transposed`: who reads each place of x."""
    missing = 4 - len(x_shape)
    lengths, given = (1,) * missing + x_shape, (None,) * missing + taps
    return tuple(_table(n, t, transposed) for n, t in zip(lengths, given, strict=True))


def _table(length: int, places: Places | None, transposed: bool) -> Table:
    if places is None:
        places = tuple(((i, 1.0),) for i in range(length))
    elif transposed:
        readers: list[list[tuple[int, float]]] = [[] for _ in range(length)]
        for i, pairs in enumerate(places):
            for place, weight in pairs:
                readers[place].append((i, weight))
        places = tuple(map(tuple, readers))
    flat = [pair for pairs in places for pair in pairs]
    start = np.cumsum([0, *map(len, places)]).astype(np.int64)
    indices = np.array([p for p, _ in flat], np.int64)
    return Table(start, indices, np.array([w for _, w in flat], np.float64))
