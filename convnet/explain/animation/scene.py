"""Where an animation's boxes and numbers stand: one layout for the SVG and the GIF."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

import numpy as np

from convnet.explain.animation.frames import Cell, Frame, Motion, number

SIDE, GAP, TOP, MARGIN = 34, 46, 66, 14
INK, FAINT, MULTIPLIED, RESULT = "#222222", "#f4f4f4", "#9fcbea", "#f3b58a"  # blue and orange, light
LINE = 84  # letters of the sum in a line


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    fill: str
    dashed: bool = False


@dataclass(frozen=True)
class Label:
    x: float
    y: float
    text: str
    size: int = 14
    colour: str = INK
    middle: bool = True  # x is its middle, not its left end


Shape = Box | Label


@dataclass(frozen=True)
class Scene:
    """`still` is always there; `frames[t]` during frame t only; `results[t]` from frame t on."""

    width: int
    height: int
    still: list[Shape]
    frames: list[list[Shape]]
    results: list[list[Shape]]


def scene(a: Motion) -> Scene:
    """Lay out the three arrays side by side, x with its padding, and the sum below."""
    (top, bottom), (left, right) = a.padding
    padded = (a.first.shape[0] + top + bottom, a.first.shape[1] + left + right)
    shapes = (padded, a.second.shape, a.result.shape)
    xs, x = [], float(MARGIN)
    for _, columns in shapes:
        xs.append(x)
        x += columns * SIDE + GAP
    lines = max(len(_lines(a, frame)) for frame in a.frames)
    rows = max(rows for rows, _ in shapes)
    height = TOP + rows * SIDE + 22 + 20 * lines
    width = max(
        x - GAP + MARGIN, 8.1 * max(len(a.title), min(LINE, max(len(a.text(f)) for f in a.frames))) + 2 * MARGIN
    )
    corners: list[tuple[float, float]] = [(xs[0] + left * SIDE, TOP + top * SIDE), (xs[1], TOP), (xs[2], TOP)]
    still: list[Shape] = [Label(MARGIN, 22, a.title, 14, INK, False)]
    still += [Label(at, TOP - 10, name, 15, INK, False) for name, at in zip(a.names, xs, strict=True)]
    if any((top, bottom, left, right)):
        still += [Box(xs[0] + SIDE * c, TOP + SIDE * r, "none", True) for r, c in np.ndindex(*padded)]
    for array, corner, numbers in zip((a.first, a.second, a.result), corners, (True, True, False), strict=True):
        for cell in np.ndindex(array.shape):
            still.append(_box(corner, cell, FAINT))
            if numbers:
                still.append(_label(corner, cell, number(float(array[cell]))))
    frames = [_frame(a, frame, corners, TOP + rows * SIDE + 30) for frame in a.frames]
    results: list[list[Shape]] = [[_label(corners[2], f.cell, number(f.value))] for f in a.frames]
    return Scene(int(width), int(height), still, frames, results)


def _lines(a: Motion, frame: Frame) -> list[str]:
    return wrap(a.text(frame), LINE) or [""]


def _frame(a: Motion, frame: Frame, corners: list[tuple[float, float]], below: float) -> list[Shape]:
    shapes: list[Shape] = []
    for m in frame.meetings:
        factor = number(a.second[m.second])
        shapes.append(_box(corners[0], m.first, MULTIPLIED))
        shapes.append(_label(corners[0], m.first, "0" if m.padding else number(a.first[m.first])))
        x, y = corners[0][0] + m.first[1] * SIDE, corners[0][1] + m.first[0] * SIDE
        if len(factor) <= 2:  # a longer one would cover the pixel's own number
            shapes.append(Label(x + SIDE - 4 - 4 * len(factor), y + SIDE - 4, f"×{factor}", 10))
        shapes.append(_box(corners[1], m.second, MULTIPLIED))
        shapes.append(_label(corners[1], m.second, factor))
    shapes.append(_box(corners[2], frame.cell, RESULT))
    shapes += [Label(MARGIN, below + 20 * n, line, 14, INK, False) for n, line in enumerate(_lines(a, frame))]
    return shapes


def _box(corner: tuple[float, float], cell: Cell, fill: str) -> Box:
    return Box(corner[0] + cell[1] * SIDE, corner[1] + cell[0] * SIDE, fill)


def _label(corner: tuple[float, float], cell: Cell, text: str) -> Label:
    return Label(corner[0] + (cell[1] + 0.5) * SIDE, corner[1] + (cell[0] + 0.5) * SIDE + 5, text)
