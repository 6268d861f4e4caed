"""How sums, products, joined, resampled and reshaped arrays are bound to a plan's arrays."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from convnet.engine.site import Pair, Site, nothing
from kernels import targets
from kernels.device import overlap


def add(s: Site) -> Pair:
    """Bind a sum; both inputs get dy as it is."""
    op = s.kernel()

    def backward() -> None:
        for dx in s.dx:
            if dx is not None:
                targets.copy(dx, s.dy)

    return partial(op.forward, s.x[0], s.x[1], out=s.y), backward


def operands(s: Site) -> tuple[Any, Any, list[Any]]:
    """Return both arrays of an arithmetic step and where their gradients go: inputs, a parameter, or a fixed number."""
    arrays, slots = [*s.x, *s.p], [*(s.dx or (None,) * len(s.x)), *(s.dp or (None,) * len(s.p))]
    if "constant" in s.settings:
        arrays.append(targets.to_device(np.full(1, s.settings["constant"], s.y.dtype), s.target))
        slots.append(None)
    if s.settings.get("reversed"):
        arrays, slots = arrays[::-1], slots[::-1]
    return arrays[0], arrays[1], slots


def arithmetic(s: Site) -> Pair:
    """Bind a sum, product, maximum or their like; gradients that are not needed go to scratch."""
    op, kind = s.kernel(), s.settings["kind"]
    a, b, slots = operands(s)
    forward = partial(op.forward, a, b, kind, out=s.y)
    if s.dy is None or all(d is None for d in slots):
        return forward, nothing
    out = tuple(targets.empty_like(v) if d is None else d for v, d in zip((a, b), slots, strict=True))
    return forward, partial(op.backward, s.dy, a, b, kind, out=out)


def concatenate(s: Site) -> Pair:
    """Bind arrays put together; gradients that are not needed go to scratch."""
    op, axis = s.kernel(), s.settings["axis"]
    forward = partial(op.forward, *s.x, axis=axis, out=s.y)
    if s.dy is None or not any(d is not None for d in s.dx):
        return forward, nothing
    out = tuple(targets.empty_like(x) if d is None else d for x, d in zip(s.x, s.dx, strict=True))
    return forward, partial(op.backward, s.dy, tuple(x.shape[axis] for x in s.x), axis=axis, out=out)


def resample(s: Site) -> Pair:
    """Bind padding, a slice or resizing: each place of y reads some of x."""
    op, taps, x = s.kernel(), s.settings["taps"], s.x[0]
    forward = partial(op.forward, x, taps, fill=s.settings["fill"], out=s.y)
    if not s.dx or s.dx[0] is None:
        return forward, nothing
    return forward, partial(op.backward, s.dy, x.shape, taps, out=s.dx[0])


def reshape(s: Site) -> Pair:
    """Bind nothing: the output is the input's memory under another shape, as its gradient is if nothing adds to it."""

    def backward() -> None:
        targets.copy(s.dx[0], s.dy.reshape(s.x[0].shape))  # type: ignore[union-attr]

    shared = not s.dx or s.dx[0] is None or s.dy is None or overlap(s.dx[0], s.dy)
    return nothing, nothing if shared else backward
