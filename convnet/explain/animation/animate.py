"""Convolution arithmetic in motion: what each number of y, dx or dk is made of, one number a frame.

    animate("forward", stride=2, padding=1)     shows itself in a notebook
    animate(...).save("conv.svg")               or .gif, for slides

An SVG moves by CSS alone, in any browser and without a network; where motion is not wanted it stands at the last frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from convnet.explain.animation.frames import PASSES, Cell, Motion, cells, frame_of
from convnet.explain.animation.gif import gif
from convnet.explain.animation.svg import svg
from convnet.output.atomic import write_atomically
from kernels import checks

MOST_CELLS = 400  # of all three arrays: more cannot be read


class Animation(Motion):
    """A Motion that can be shown, and saved."""

    def svg(self) -> str:
        """The moving picture as the text of an SVG file."""
        return svg(self)

    def save(self, path: str | Path) -> Path:
        """Write it, whole or not at all; the name's ending says as what: .svg or .gif."""
        path = Path(path)
        if path.suffix == ".svg":
            write_atomically(path, self.svg().encode())
        elif path.suffix == ".gif":
            write_atomically(path, gif(self))
        else:
            raise ValueError(f"animation: {path} must end in .svg or .gif")
        return path

    def _repr_html_(self) -> str:
        from base64 import b64encode

        data = b64encode(self.svg().encode()).decode()
        return f'<img alt="{self.title}" src="data:image/svg+xml;base64,{data}">'


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
    frames = tuple(frame_of(which, cell, settings, first, second, k.shape) for cell in cells(shape))
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
