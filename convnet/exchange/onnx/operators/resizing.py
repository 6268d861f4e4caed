"""Resize and Upsample of images and signals, and Pad."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.layout import Layout, plain
from convnet.exchange.onnx.values import Constant, Value, image, reshape

COORDINATES = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")
METHODS = {"nearest": "nearest", "linear": "bilinear"}


def resize(call: Call) -> Value:
    """Convert Resize of height and width: nearest pixels, or linear."""
    x = call.value()
    if len(x.shape) not in (2, 3):
        call.refuse(f"takes images (N, C, H, W) or signals (N, C, L), got {('N', *x.shape)}")
    mode = call.attribute("mode", "nearest")
    coordinates = call.attribute("coordinate_transformation_mode", "half_pixel")
    antialias = call.attribute("antialias", 0)
    if mode not in METHODS or coordinates not in COORDINATES or antialias:
        call.refuse(
            f"mode={mode!r}, coordinate_transformation_mode={coordinates!r}, antialias={antialias} are not supported: "
            f"modes {', '.join(METHODS)}, coordinates {', '.join(COORDINATES)}, no antialias"
        )
    sizes, scales = _sizes(call, x)
    whole = scales is None or all(n * f == int(n * f) for n, f in zip(x.shape[1:], scales, strict=True))
    if coordinates == "align_corners" and not whole:
        call.refuse(
            f"align_corners with scales {scales}, which make no whole size of {x.shape[1:]}: give sizes instead"
        )
    rounding = call.attribute("nearest_mode", "round_prefer_floor")
    fill = [1] * (2 - len(sizes))
    height, width = (*fill, *sizes)
    settings: dict[str, Any] = {"interpolation": METHODS[mode], "coordinates": coordinates, "rounding": rounding}
    if scales is not None:
        settings["scales"] = [*map(float, fill), *scales]
    node = call.layer(call.kind("Resizing"), x.as_image().node, height=height, width=width, **settings)
    return image(node, len(x.shape))


def _sizes(call: Call, x: Value) -> tuple[list[int], list[float] | None]:
    """Return the new height and width, and the scales if the file gives those."""
    rank = len(x.shape)
    axes = call.attribute("axes") or range(rank + 1)
    scales, sizes = call.numbers(2), _given_sizes(call)
    given = sizes if sizes else scales.reshape(-1) if scales is not None else ()
    if len(given) != len(axes) or call.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
        call.refuse("needs a scale or a size for every axis, and keep_aspect_ratio_policy='stretch'")
    full = dict(zip((a % (rank + 1) for a in axes), given, strict=True))
    kept = {0: call.conversion.trials[0], 1: x.shape[0]} if sizes else {0: 1, 1: 1}
    if any(full.get(axis, n) != n for axis, n in kept.items()):
        call.refuse("images or channels would be resized: only height and width are")
    if sizes:
        return [int(full.get(a + 1, x.shape[a])) for a in range(1, rank)], None
    factors = [float(full.get(a + 1, 1.0)) for a in range(1, rank)]
    return [int(np.floor(x.shape[a] * f)) for a, f in zip(range(1, rank), factors, strict=True)], factors


def _given_sizes(call: Call) -> tuple[int, ...] | None:
    """Return the sizes as integers; that of the images' axis may be their number, whatever it is."""
    found = call.argument(3)
    if not isinstance(found, Constant) or found.fixed:
        return call.integers(3)
    one, other = ([int(n) for n in found[trial].reshape(-1)] for trial in (0, 1))
    if one[:1] + other[:1] != list(call.conversion.trials) or one[1:] != other[1:]:
        call.refuse("the new height or width depends on the number of images")
    return tuple(one)


def pad(call: Call) -> Value:
    """Convert Pad with a number, the outermost places, or a reflection."""
    x, pads, value = call.value(), call.integers(1), call.numbers(2)
    rank, mode = len(x.shape), call.attribute("mode", "constant")
    if mode not in ("constant", "edge", "reflect"):
        call.refuse(f"mode={mode!r} is not supported: constant, edge and reflect are")
    axes = [a % (rank + 1) for a in call.integers(3) or range(rank + 1)]
    if pads is None or len(pads) != 2 * len(axes):
        call.refuse(f"needs two numbers for each of {len(axes)} axes, got {pads}")
    sides = {axis: (pads[k], pads[k + len(axes)]) for k, axis in enumerate(axes)}
    if sides.pop(0, (0, 0)) != (0, 0):
        call.refuse("images would be added: only the axes of an image can be padded")
    fill = 0.0 if value is None or not value.size else float(value.reshape(-1)[0])
    around = [sides.get(axis, (0, 0)) for axis in range(1, rank + 1)]
    layout, order = _with_every_axis(call, x)
    if any(atom.places is not None for axis, pair in enumerate(around) if any(pair) for atom in layout.axes[axis]):
        call.refuse("a flattened image, which has another order here, cannot be padded: pad the image")
    node = reshape(x.node, tuple(x.shape[axis] for axis in order))
    settings = {"paddings": [around[axis] for axis in order], "mode": mode, "value": fill}
    node = call.layer(call.kind("Padding"), node, **settings)
    new = plain(tuple(node.sample_shape[order.index(axis)] for axis in range(rank)))
    pieces = tuple(new.axes[i] if any(around[i]) else layout.axes[i] for i in range(rank))
    return Value(node, Layout(pieces, tuple(a for axis in order for a in pieces[axis])))


def _with_every_axis(call: Call, x: Value) -> tuple[Layout, tuple[int, ...]]:
    """Return the layout with whole axes, and an order of all of them in the engine, those of length 1 too."""
    rank = len(x.shape)
    if rank > 3:
        call.refuse(f"a value of shape {('N', *x.shape)} has too many axes: up to 3 beside the images' are padded")
    layout, order = x.layout.whole()
    known = [o for o in permutations(range(rank)) if tuple(i for i in o if i in order) == order]
    here = [o for o in known if tuple(x.shape[i] for i in o) == x.node.sample_shape]
    last = (*range(1, rank), 0)
    return layout, min(here or known, key=lambda o: o != last)


OPERATORS: dict[str, Convert] = {"Pad": pad, "Resize": resize}
