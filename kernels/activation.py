"""The contract of relu, sigmoid and softmax: y has x's shape, and the gradient is computed from y."""

from collections.abc import Callable

import numpy as np

from kernels import checks

Array = np.ndarray


def _as_it_is(array: Array) -> Array:
    return array


def forward(
    op: str, x: Array, variant: str, out: Array | None, rows: Callable[[Array], Array] = _as_it_is, **settings: bool
) -> np.ndarray:
    """Run a variant's forward on x and return y; `rows` is the view of an array that the variant receives."""
    run = checks.kernel(op, variant, "forward", x)
    if variant == "reference":
        return checks.deliver(op, run(rows(x), **settings).reshape(x.shape), out)
    y = checks.output(op, "out", out, x.shape, x.dtype, (x,))
    run(rows(x), **settings, out=rows(y))
    return y


def backward(
    op: str,
    dy: Array,
    y: Array,
    variant: str,
    out: Array | None,
    rows: Callable[[Array], Array] = _as_it_is,
    **settings: bool,
) -> np.ndarray:
    """Run a variant's backward on dy and y, and return dx.

    op        the operation, named in errors
    dy, y     the upstream gradient, and what forward returned: one shape, one dtype
    variant   a name from the registry
    out       where to write dx; None for a new array
    rows      the view of an array that the variant receives
    settings  the operation's own, which go to the variant
    """
    checks.same_dtype(op, dy=dy, y=y)
    checks.shape(op, "dy", dy, y.shape, "y's shape")
    run = checks.kernel(op, variant, "backward", dy, y)
    if variant == "reference":
        return checks.deliver(op, run(rows(dy), rows(y), **settings).reshape(y.shape), out)
    dx = checks.output(op, "out", out, y.shape, y.dtype, (dy, y))
    run(rows(dy), rows(y), **settings, out=rows(dx))
    return dx
