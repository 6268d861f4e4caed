"""Strides, dilations and padding of a window, as (height, width); a signal's height is 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convnet.exchange.onnx.conversion import Call

Pair = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """A window in normal form."""

    size: Pair
    strides: Pair
    dilations: Pair
    padding: Any  # "valid", "same" or ((top, bottom), (left, right))


def window(call: Call, kernel: tuple[int, ...], places: tuple[int, ...]) -> Geometry:
    """Return the window of a node whose kernel has these lengths, on an image or signal of these."""
    rank = len(places)
    if rank not in (1, 2):
        call.refuse(f"windows of {rank} axes are not supported: images have 2, signals 1")
    if len(kernel) != rank:
        call.refuse(f"its kernel has {len(kernel)} axes, and its input {rank} beside batch and channels")
    strides = tuple(call.attribute("strides") or (1,) * rank)
    dilations = tuple(call.attribute("dilations") or (1,) * rank)
    padding = _padding(call, places, kernel, strides, dilations)
    fill = (1,) * (2 - rank)
    pads: Any = padding if isinstance(padding, str) else (((0, 0),) * (2 - rank) + padding)
    return Geometry((*fill, *kernel), (*fill, *strides), (*fill, *dilations), pads)  # type: ignore[arg-type]


def _padding(call: Call, places: Any, kernel: Any, strides: Any, dilations: Any) -> Any:
    word = call.attribute("auto_pad", "NOTSET")
    if word in ("NOTSET", ""):
        pads = tuple(call.attribute("pads") or (0,) * (2 * len(places)))
        if min(pads) < 0:
            call.refuse(f"pads must not be negative, got {list(pads)}: crop with Slice instead")
        return tuple(zip(pads[: len(places)], pads[len(places) :], strict=True))
    if word == "VALID":
        return ((0, 0),) * len(places)
    if word not in ("SAME_UPPER", "SAME_LOWER"):
        call.refuse(f"auto_pad must be NOTSET, VALID, SAME_UPPER or SAME_LOWER, got {word!r}")
    totals = [
        max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        for n, k, s, d in zip(places, kernel, strides, dilations, strict=True)
    ]
    small = [t // 2 for t in totals]
    sides = [(a, t - a) if word == "SAME_UPPER" else (t - a, a) for a, t in zip(small, totals, strict=True)]
    return tuple(sides)
