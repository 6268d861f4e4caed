"""Resize and Upsample of images, and Pad."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from convnet.exchange.onnx.conversion import Call, Convert
from convnet.exchange.onnx.values import Value, image


def resize(call: Call) -> Value:
    """Convert Resize by whole factors: nearest pixels, or linear with half-pixel coordinates."""
    x = call.value()
    if len(x.shape) not in (2, 3):
        call.refuse(f"takes images (N, C, H, W) or signals (N, C, L), got {('N', *x.shape)}")
    if call.attribute("antialias", 0) or call.attribute("exclude_outside", 0) or call.attribute("axes"):
        call.refuse("antialias, exclude_outside and axes are not supported: resize height and width plainly")
    factors = _factors(call, x)
    mode, coordinates = (
        call.attribute("mode", "nearest"),
        call.attribute("coordinate_transformation_mode", "half_pixel"),
    )
    if mode == "nearest":
        _require_repeats(call, x.shape[1:], factors, coordinates)
    elif mode == "linear" and (coordinates in ("half_pixel", "pytorch_half_pixel") or max(factors) == 1):
        pass
    else:
        call.refuse(
            f"mode={mode!r} with coordinate_transformation_mode={coordinates!r} is not supported: nearest, or "
            "linear with half_pixel, is"
        )
    size = (*(1,) * (2 - len(factors)), *factors)
    words = {"nearest": "nearest", "linear": "bilinear"}
    node = call.layer(call.kind("UpSampling2D"), x.as_image().node, size=size, interpolation=words[mode])
    return image(node, len(x.shape))


def _factors(call: Call, x: Value) -> tuple[int, ...]:
    """Return by how much height and width grow; refuse what is not whole."""
    scales, sizes = call.numbers(2), call.integers(3)
    if sizes:
        wanted = [n / m for n, m in zip(sizes[1:], x.shape, strict=True)]
    elif scales is not None and scales.size == len(x.shape) + 1:
        wanted = [float(s) for s in scales.reshape(-1)[1:]]
    else:
        call.refuse("needs a scale or a size for every axis")
    if wanted[0] != 1 or any(w < 1 or w != int(w) for w in wanted):
        call.refuse(f"factors {wanted} are not supported: whole ones for height and width are")
    return tuple(int(w) for w in wanted[1:])


def _require_repeats(call: Call, places: tuple[int, ...], factors: tuple[int, ...], coordinates: str) -> None:
    """Refuse a rounding by which a pixel is not simply repeated."""
    rounding = call.attribute("nearest_mode", "round_prefer_floor")
    rounds: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "round_prefer_floor": lambda v: np.ceil(v - 0.5),
        "round_prefer_ceil": lambda v: np.floor(v + 0.5),
        "floor": np.floor,
        "ceil": np.ceil,
    }
    for length, factor in zip(places, factors, strict=True):
        i = np.arange(length * factor, dtype=float)
        where = {
            "asymmetric": i / factor,
            "half_pixel": (i + 0.5) / factor - 0.5,
            "half_pixel_symmetric": (i + 0.5) / factor - 0.5,
            "pytorch_half_pixel": (i + 0.5) / factor - 0.5 if length * factor > 1 else 0 * i,
            "align_corners": i * (length - 1) / max(length * factor - 1, 1),
        }
        if coordinates not in where or rounding not in rounds:
            call.refuse(f"coordinate_transformation_mode={coordinates!r}, nearest_mode={rounding!r} are not supported")
        found = np.clip(rounds[rounding](where[coordinates]), 0, length - 1)
        if (found != i // factor).any():
            call.refuse(
                f"coordinate_transformation_mode={coordinates!r} with nearest_mode={rounding!r} does not repeat pixels "
                f"{factor} times: not supported. Use asymmetric with floor"
            )


OPERATORS: dict[str, Convert] = {"Resize": resize}
