"""Arrays put together along one axis, and the gradient taken apart again; README.md is the lesson.

The arrays have one dtype, float32 or float64, and one shape but for the axis. `axis` counts from the end if negative.
`variant`: a name from the registry. `out`: where to write the result, C-contiguous and apart from the inputs.
Both functions raise TypeError for a wrong kind of array and ValueError for shapes that do not fit.
Source: Ronneberger, Fischer, Brox, U-Net, 2015, section 2; Huang et al., DenseNet, 2017, equation (2).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernels import checks

OP = "concatenate"


def forward(*arrays: np.ndarray, axis: int = -1, variant: str = "cpu", out: np.ndarray | None = None) -> np.ndarray:
    """Compute y, along the axis all of the first array, then all of the second, and so on: numbers are copied."""
    if not arrays:
        raise ValueError(f"{OP}: needs at least one array")
    given = [checks.array(OP, f"array {i + 1}", a, None) for i, a in enumerate(arrays)]
    checks.same_dtype(OP, **{f"array {i + 1}": a for i, a in enumerate(given)})
    axis, shape = shape_of(tuple(a.shape for a in given), axis)
    run = checks.kernel(OP, variant, "forward", *given)
    if variant == "reference":
        return checks.deliver(OP, run(*given, axis=axis), out)
    y = checks.output(OP, "out", out, shape, given[0].dtype, given)
    run(*given, axis=axis, out=y)
    return y


def backward(
    dy: np.ndarray,
    lengths: Sequence[int],
    *,
    axis: int = -1,
    variant: str = "cpu",
    out: tuple[np.ndarray, ...] | None = None,
) -> tuple[np.ndarray, ...]:
    """Compute the gradient of every array, its own part of dy; `lengths`: of the arrays along the axis."""
    dy = checks.array(OP, "dy", dy, None)
    lengths = tuple(checks.integer(OP, "lengths", n, 0) for n in lengths)
    axis = _axis(axis, dy.ndim)
    if sum(lengths) != dy.shape[axis]:
        raise ValueError(f"{OP}: lengths={lengths} must add up to dy's length along axis {axis}: dy.shape={dy.shape}")
    run = checks.kernel(OP, variant, "backward", dy)
    if variant == "reference":
        return checks.deliver(OP, run(dy, lengths, axis=axis), out)
    shapes = [(*dy.shape[:axis], n, *dy.shape[axis + 1 :]) for n in lengths]
    parts = checks.outputs(OP, out, [(f"dx{i}", s, dy.dtype) for i, s in enumerate(shapes)], (dy,))
    run(dy, lengths, axis=axis, out=parts)
    return parts


def shape_of(shapes: tuple[tuple[int, ...], ...], axis: int) -> tuple[int, tuple[int, ...]]:
    """Return the axis counted from the front, and the shape of the result; ValueError if the shapes do not fit."""
    first = shapes[0]
    axis = _axis(axis, len(first))
    for i, shape in enumerate(shapes):
        if len(shape) != len(first) or any(
            m != n for j, (m, n) in enumerate(zip(shape, first, strict=True)) if j != axis
        ):
            raise ValueError(
                f"{OP}: array {i + 1} of shape {shape} does not fit the first, {first}: only axis {axis} may differ"
            )
    return axis, (*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :])


def _axis(axis: Any, rank: int) -> int:
    if not isinstance(axis, (int, np.integer)) or isinstance(axis, bool) or not -rank <= axis < rank:
        raise ValueError(f"{OP}: axis must be an integer from {-rank} to {rank - 1}, got {axis!r}")
    return int(axis) % rank
