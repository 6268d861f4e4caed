"""The sum of two arrays of one shape (a residual connection), and its gradient; README.md is the lesson.

a, b and y have any shape, all float32 or all float64. `variant`: a name from the registry.
`out`: where to write the result, C-contiguous and apart from the inputs.
Both functions raise TypeError for a wrong kind of array and ValueError for shapes that do not fit.
Source: He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, 2016, equation (1).
"""

import numpy as np

from kernels import checks
from kernels.int8 import Levels
from kernels.int8 import levels as eight

OP = "add"
LARGEST_FACTOR = 1 << 22  # 2 * 255 of them fit into 32 bits


def forward(a: np.ndarray, b: np.ndarray, *, variant: str = "cpu", out: np.ndarray | None = None) -> np.ndarray:
    """Compute y = a + b, element by element: no broadcasting. `reference` returns float64, the others a's dtype."""
    a, b = checks.array(OP, "a", a, None), checks.array(OP, "b", b, None)
    checks.same_dtype(OP, a=a, b=b)
    checks.shape(OP, "b", b, a.shape, "a's shape: nothing is broadcast")
    run = checks.kernel(OP, variant, "forward", a, b)
    if variant == "reference":
        return checks.deliver(OP, run(a, b), out)
    y = checks.output(OP, "out", out, a.shape, a.dtype, (a, b))
    run(a, b, out=y)
    return y


def backward(
    dy: np.ndarray, *, variant: str = "cpu", out: tuple[np.ndarray, np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Compute da = dy and db = dy, two arrays of their own: y grows as a does and as b does."""
    dy = checks.array(OP, "dy", dy, None)
    run = checks.kernel(OP, variant, "backward", dy)
    if variant == "reference":
        return checks.deliver(OP, run(dy), out)
    both = checks.outputs(OP, out, (("da", dy.shape, dy.dtype), ("db", dy.shape, dy.dtype)), (dy,))
    run(dy, out=both)
    return both


def forward_int8(
    a: np.ndarray,
    b: np.ndarray,
    *,
    zeros: tuple[int, int] = (0, 0),
    factors: tuple[int, int],
    multiplier: float,
    levels: Levels = Levels(),  # noqa: B008  (immutable)
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute y = level of multiplier * (factors[0] * (a - zeros[0]) + factors[1] * (b - zeros[1]))  -> y int8.

    a and b have scales of their own, which the factors, whole numbers from 0 to 2^22, stand for: the sum is exact.
    """
    a, b = (checks.array(OP, name, v, None, (eight.TYPE,)) for name, v in (("a", a), ("b", b)))
    checks.shape(OP, "b", b, a.shape, "a's shape: nothing is broadcast")
    one, other = (checks.integer(OP, "factors", f, 0) for f in factors)
    settings = {
        "zeros": tuple(eight.check_level(OP, "zeros", z) for z in zeros),
        "factors": (one, other),
        "multiplier": eight.check_multiplier(OP, multiplier),
        "levels": eight.check_levels(OP, levels),
    }
    if max(one, other) > LARGEST_FACTOR:
        raise ValueError(f"{OP}: factors must be at most {LARGEST_FACTOR}, so that a sum fits into 32 bits: {factors}")
    run = eight.kernel(OP, variant)
    if variant == "reference":
        return eight.deliver(OP, run(a, b, **settings), out)
    y = checks.output(OP, "out", out, a.shape, eight.TYPE, (a, b))
    run(a, b, **settings, out=y)
    return y
