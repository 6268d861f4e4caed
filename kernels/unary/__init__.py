"""Functions of one number: tanh, leaky relu, elu, gelu, silu and the others; README.md is the lesson.

Arrays of any shape; all float32 or all float64. `function`: a name of `functions.FUNCTIONS`; `settings`: its numbers.
`out`: where to write the result, C-contiguous and apart from the inputs. `variant`: a name from the registry.
Every function raises TypeError for a wrong kind of array and ValueError for shapes or settings that do not fit.
"""

from typing import Any

import numpy as np

from kernels import checks
from kernels.unary import functions

OP = "unary"


def forward(
    x: np.ndarray, function: str, *, variant: str = "cpu", out: np.ndarray | None = None, **settings: Any
) -> np.ndarray:
    """Compute y = f(x)  -> y, x's shape. `reference` returns float64, the others x's dtype.

    The functions and their numbers: tanh; rectify(negative_slope=0, max_value=inf, threshold=0), which is leaky relu
    and relu6; elu(alpha=1, scale=1), which is selu as well; gelu, gelu_tanh, silu, softplus, softsign,
    hard_sigmoid(alpha=1/6, beta=1/2), hard_silu, exponential, clip(low=-inf, high=inf).
    """
    functions.make(function, settings)
    x = checks.array(OP, "x", x, None)
    run = checks.kernel(OP, variant, "forward", x)
    if variant == "reference":
        return checks.deliver(OP, run(x, function, **settings), out)
    y = checks.output(OP, "out", out, x.shape, x.dtype, (x,))
    run(x, function, **settings, out=y)
    return y


def backward(
    dy: np.ndarray,
    x: np.ndarray,
    function: str,
    *,
    variant: str = "cpu",
    out: np.ndarray | None = None,
    **settings: Any,
) -> np.ndarray:
    """Compute dx = dy * f'(x), x being what forward received  -> dx, x's shape."""
    functions.make(function, settings)
    dy, x = checks.array(OP, "dy", dy, None), checks.array(OP, "x", x, None)
    checks.same_dtype(OP, dy=dy, x=x)
    checks.shape(OP, "dy", dy, x.shape, "x's shape")
    run = checks.kernel(OP, variant, "backward", dy, x)
    if variant == "reference":
        return checks.deliver(OP, run(dy, x, function, **settings), out)
    dx = checks.output(OP, "out", out, x.shape, x.dtype, (dy, x))
    run(dy, x, function, **settings, out=dx)
    return dx
