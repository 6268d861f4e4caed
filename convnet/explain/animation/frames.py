"""What is multiplied by what in each frame of an animation; how it is drawn stands in animation_scene."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

PASSES = {"forward": ("x", "k", "y"), "backward_data": ("dy", "k", "dx"), "backward_weights": ("x", "dy", "dk")}
SECONDS = 1.2  # a frame
Cell = tuple[int, int]


@dataclass(frozen=True)
class Meeting:
    """One product of a frame: a cell of the first array, and the cell of the second that it is multiplied by."""

    first: Cell
    second: Cell
    padding: bool = False  # the first cell lies outside of the image: it is 0


@dataclass(frozen=True)
class Frame:
    """How one number of the result comes about."""

    cell: Cell
    meetings: tuple[Meeting, ...]
    value: float


@dataclass(frozen=True)
class Motion:
    """Three arrays (rows, columns), named as in the lesson, and a frame for each number of the third."""

    which: str
    first: np.ndarray
    second: np.ndarray
    result: np.ndarray
    frames: tuple[Frame, ...]
    title: str
    padding: tuple[tuple[int, int], tuple[int, int]]  # drawn around x; zeros for the others

    @property
    def names(self) -> tuple[str, str, str]:
        return PASSES[self.which]

    def text(self, frame: Frame) -> str:
        """y(1,2) = 3*1 + 0*2 = 3"""
        pairs = [(0 if m.padding else self.first[m.first], self.second[m.second]) for m in frame.meetings]
        products = " + ".join(f"{_factor(first)}·{_factor(second)}" for first, second in pairs)
        return f"{self.names[2]}({frame.cell[0]},{frame.cell[1]}) = {products or '0'} = {number(frame.value)}"


def number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _factor(value: float) -> str:
    return f"({number(value)})" if value < 0 else number(value)


def frame_of(
    which: str, cell: Cell, s: dict[str, Any], first: np.ndarray, second: np.ndarray, kernel: tuple[int, ...]
) -> Frame:
    """All products of one number of the result."""
    if which == "forward":
        meetings = [_met(_pixel(cell, tap, s), tap, first) for tap in cells(kernel)]
    elif which == "backward_weights":
        meetings = [_met(_pixel(at, cell, s), at, first) for at in cells(second.shape)]
    else:
        meetings = [Meeting(at, tap) for tap in cells(kernel) for at in _readers(cell, tap, s, first.shape)]
    value = sum(float(first[m.first]) * float(second[m.second]) for m in meetings if not m.padding)
    return Frame(cell, tuple(meetings), value)


def cells(shape: tuple[int, ...]) -> list[Cell]:
    """All (row, column), row by row."""
    return [(row, column) for row in range(shape[0]) for column in range(shape[1])]


def _met(pixel: Cell, other: Cell, x: np.ndarray) -> Meeting:
    return Meeting(pixel, other, not all(0 <= v < n for v, n in zip(pixel, x.shape, strict=True)))


def _pixel(output: Cell, tap: Cell, s: dict[str, Any]) -> Cell:
    """(s*i + d*p - top, s*j + d*q - left)"""
    row, column = (s["stride"][a] * output[a] + s["dilation"][a] * tap[a] - s["padding"][a][0] for a in (0, 1))
    return row, column


def _readers(pixel: Cell, tap: Cell, s: dict[str, Any], shape: tuple[int, ...]) -> Iterator[Cell]:
    """The output (one at most) that reads the pixel with this tap."""
    places = [divmod(pixel[a] + s["padding"][a][0] - s["dilation"][a] * tap[a], s["stride"][a]) for a in (0, 1)]
    if all(rest == 0 and 0 <= place < n for (place, rest), n in zip(places, shape, strict=True)):
        yield places[0][0], places[1][0]
