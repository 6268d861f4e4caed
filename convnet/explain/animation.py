"""Convolution arithmetic in motion: what each number of y, dx or dk is made of, one number a frame.

    animate("forward", stride=2, padding=1)     shows itself in a notebook
    animate(...).save("conv.svg")               or .gif, for slides

An SVG moves by CSS alone, in any browser and without a network; where motion is not wanted it stands at the last frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convnet.files import write_atomically
from kernels import checks

PASSES = {"forward": ("x", "k", "y"), "backward_data": ("dy", "k", "dx"), "backward_weights": ("x", "dy", "dk")}
MOST_CELLS = 400  # of all three arrays: more cannot be read
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
class Animation:
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
        return f"{self.names[2]}({frame.cell[0]},{frame.cell[1]}) = {products or '0'} = {_number(frame.value)}"

    def svg(self) -> str:
        """The moving picture as the text of an SVG file."""
        from convnet.explain.animation_svg import svg

        return svg(self)

    def save(self, path: str | Path) -> Path:
        """Write it, whole or not at all; the name's ending says as what: .svg or .gif."""
        path = Path(path)
        if path.suffix == ".svg":
            write_atomically(path, self.svg().encode())
        elif path.suffix == ".gif":
            from convnet.explain.animation_gif import gif

            write_atomically(path, gif(self))
        else:
            raise ValueError(f"animation: {path} must end in .svg or .gif")
        return path

    def _repr_html_(self) -> str:
        from base64 import b64encode

        data = b64encode(self.svg().encode()).decode()
        return f'<img alt="{self.title}" src="data:image/svg+xml;base64,{data}">'


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _factor(value: float) -> str:
    return f"({_number(value)})" if value < 0 else _number(value)


def animate(
    which: str = "forward",
    *,
    size: Any = 5,
    kernel: Any = 3,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    x: Any = None,
    k: Any = None,
    dy: Any = None,
) -> Animation:
    """One image of one channel, one filter: which = "forward", "backward_data" or "backward_weights".

    size, kernel: (rows, columns) or one number for both, of the image and of the kernel, filled with small integers;
    or x (H,W), k (P,Q), dy (Ho,Wo): numbers of your own. stride, padding, dilation as in `kernels.conv2d`.
    ValueError: an unknown pass, shapes that do not fit, or more cells than can be read.
    """
    if which not in PASSES:
        raise ValueError(f"animate: the pass must be one of {', '.join(PASSES)}, got {which!r}")
    x = _array("x", x) if x is not None else _pixels(checks.pair("animate", "size", size))
    k = _array("k", k) if k is not None else _taps(checks.pair("animate", "kernel", kernel))
    from kernels import conv2d

    settings, (_, Ho, Wo, _) = conv2d.geometry((1, *x.shape, 1), (*k.shape, 1, 1), stride, padding, dilation, 1)
    dy = _array("dy", dy) if dy is not None else _pixels((Ho, Wo)) - 1
    if dy.shape != (Ho, Wo):
        raise ValueError(f"animate: dy must have y's shape {(Ho, Wo)}, got {dy.shape}")
    if not Ho or not Wo or x.size + k.size + Ho * Wo > MOST_CELLS:
        raise ValueError(f"animate: {x.shape} pixels and {Ho}x{Wo} outputs: 1 to {MOST_CELLS} cells can be drawn")
    first, second = (dy, k) if which == "backward_data" else (x, k if which == "forward" else dy)
    shape = {"forward": (Ho, Wo), "backward_data": x.shape, "backward_weights": k.shape}[which]
    frames = tuple(_frame(which, cell, settings, first, second, k.shape) for cell in _cells(shape))
    result = np.array([frame.value for frame in frames]).reshape(shape)
    drawn = ((0, 0), (0, 0)) if which == "backward_data" else settings["padding"]
    return Animation(which, first, second, result, frames, _title(which, x, k, (Ho, Wo), settings), drawn)


def _array(name: str, given: Any) -> np.ndarray:
    found = np.asarray(given, float)
    if found.ndim != 2 or not found.size:
        raise ValueError(f"animate: {name} must be (rows, columns), got shape {found.shape}")
    if not np.isfinite(found).all():
        raise ValueError(f"animate: {name} has numbers that cannot be drawn (NaN or infinite)")
    return found


def _pixels(shape: tuple[int, ...]) -> np.ndarray:
    """0, 1, 2 and 3 without a pattern that the eye would see, the same on every machine."""
    i, j = np.indices(shape)
    return ((23 * i + 41 * j + 17 * i * j + 29 * (i + 2) // (j + 1)) % 11 % 4).astype(float)


def _taps(shape: tuple[int, ...]) -> np.ndarray:
    """-1, 0, 1 and 2, no two beside each other the same."""
    i, j = np.indices(shape)
    return ((5 * i + 3 * j + 2 * i * j + 1) % 4 - 1).astype(float)


def _frame(
    which: str, cell: Cell, s: dict[str, Any], first: np.ndarray, second: np.ndarray, kernel: tuple[int, ...]
) -> Frame:
    """All products of one number of the result."""
    if which == "forward":
        meetings = [_met(_pixel(cell, tap, s), tap, first) for tap in _cells(kernel)]
    elif which == "backward_weights":
        meetings = [_met(_pixel(at, cell, s), at, first) for at in _cells(second.shape)]
    else:
        meetings = [Meeting(at, tap) for tap in _cells(kernel) for at in _readers(cell, tap, s, first.shape)]
    value = sum(float(first[m.first]) * float(second[m.second]) for m in meetings if not m.padding)
    return Frame(cell, tuple(meetings), value)


def _cells(shape: tuple[int, ...]) -> list[Cell]:
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


def _title(which: str, x: np.ndarray, k: np.ndarray, y: Cell, s: dict[str, Any]) -> str:
    def both(pair: Any) -> str:
        return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"

    pads = s["padding"]
    even = len({n for pair in pads for n in pair}) == 1
    settings = f"stride {both(s['stride'])}, padding {pads[0][0] if even else pads}, dilation {both(s['dilation'])}"
    name = which.replace("_", " ")
    return (
        f"{name}: image {x.shape[0]}x{x.shape[1]}, kernel {k.shape[0]}x{k.shape[1]}, {settings}, output {y[0]}x{y[1]}"
    )
