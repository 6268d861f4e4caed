"""The fully connected layer, y = x k + b, and its two gradients; README.md is the lesson.

x (N,C), k (C,F), b (F,), y (N,F); all float32 or all float64.
`out`: where to write the result, C-contiguous and apart from the inputs. `variant`: a name from the registry.
Every function raises TypeError for a wrong kind of array and ValueError for shapes that do not fit.
Source: Goodfellow, Bengio, Courville, Deep Learning, 2016, 6.1 and 6.5.
"""

import numpy as np

from kernels import checks
from kernels.int8 import Levels
from kernels.int8 import levels as eight

OP = "dense"


def forward(
    x: np.ndarray,
    k: np.ndarray,
    b: np.ndarray | None = None,
    *,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute y[n,f] = b[f] + sum_c x[n,c] * k[c,f]  -> y (N,F). `reference` returns float64, the others x's dtype."""
    x = checks.array(OP, "x", x, "N C")
    k = checks.array(OP, "k", k, "C F")
    if b is not None:
        b = checks.array(OP, "b", b, "F")
        checks.shape(OP, "b", b, (k.shape[1],), f"one bias an output: k.shape={k.shape} (C,F)")
    checks.same_dtype(OP, x=x, k=k, b=b)
    if x.shape[1] != k.shape[0]:
        raise ValueError(
            f"{OP}: x has {x.shape[1]} features but k expects {k.shape[0]}: "
            f"x.shape={x.shape} (N,C), k.shape={k.shape} (C,F)"
        )
    run = checks.kernel(OP, variant, "forward", x, k, b)
    if variant == "reference":
        return checks.deliver(OP, run(x, k, b), out)
    y = checks.output(OP, "out", out, (x.shape[0], k.shape[1]), x.dtype, (x, k, b))
    run(x, k, b, out=y)
    return y


def backward_data(dy: np.ndarray, k: np.ndarray, *, variant: str = "cpu", out: np.ndarray | None = None) -> np.ndarray:
    """Compute dx[n,c] = sum_f dy[n,f] * k[c,f]  -> dx (N,C)."""
    dy = checks.array(OP, "dy", dy, "N F")
    k = checks.array(OP, "k", k, "C F")
    checks.same_dtype(OP, dy=dy, k=k)
    checks.shape(OP, "dy", dy, (dy.shape[0], k.shape[1]), f"one number an output: k.shape={k.shape} (C,F)")
    run = checks.kernel(OP, variant, "backward_data", dy, k)
    if variant == "reference":
        return checks.deliver(OP, run(dy, k), out)
    dx = checks.output(OP, "out", out, (dy.shape[0], k.shape[0]), dy.dtype, (dy, k))
    run(dy, k, out=dx)
    return dx


def backward_weights(
    x: np.ndarray,
    dy: np.ndarray,
    *,
    variant: str = "cpu",
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute dk[c,f] = sum_n x[n,c] * dy[n,f]  -> dk (C,F);  db[f] = sum_n dy[n,f]  -> db (F,)."""
    x = checks.array(OP, "x", x, "N C")
    dy = checks.array(OP, "dy", dy, "N F")
    checks.same_dtype(OP, x=x, dy=dy)
    checks.shape(OP, "dy", dy, (x.shape[0], dy.shape[1]), f"as many samples as x: x.shape={x.shape} (N,C)")
    run = checks.kernel(OP, variant, "backward_weights", x, dy)
    if variant == "reference":
        return checks.deliver(OP, run(x, dy), out)
    wanted = (("dk", (x.shape[1], dy.shape[1]), x.dtype), ("db", (dy.shape[1],), x.dtype))
    both = checks.outputs(OP, out, wanted, (x, dy))
    run(x, dy, out=both)
    return both


def forward_int8(
    x: np.ndarray,
    k: np.ndarray,
    b: np.ndarray | None,
    multiplier: np.ndarray,
    *,
    x_zero: int = 0,
    levels: Levels | None = Levels(),  # noqa: B008  (immutable)
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute y[n,f] = level of multiplier[f] * (b[f] + sum_c (x[n,c] - x_zero) * k[c,f]); the sum is exact.

    x (N,C), k (C,F) int8  b (F,) int32  multiplier (F,) float32  ->  y (N,F) int8; float32, the number itself, if
    levels is None. Every variant gives the same bits.
    """
    x = checks.array(OP, "x", x, "N C", (eight.TYPE,))
    k = checks.array(OP, "k", k, "C F", (eight.TYPE,))
    if b is not None:
        b = checks.array(OP, "b", b, "F", (eight.SUM,))
        checks.shape(OP, "b", b, (k.shape[1],), f"one bias an output: k.shape={k.shape} (C,F)")
    m, zero = eight.check_multipliers(OP, multiplier, k.shape[1]), eight.check_level(OP, "x_zero", x_zero)
    if x.shape[1] != k.shape[0]:
        raise ValueError(
            f"{OP}: x has {x.shape[1]} features but k expects {k.shape[0]}: "
            f"x.shape={x.shape} (N,C), k.shape={k.shape} (C,F)"
        )
    chosen = None if levels is None else eight.check_levels(OP, levels)
    eight.check_sum(OP, k.shape[0], zero, b)
    run = eight.kernel(OP, variant)
    if variant == "reference":
        return eight.deliver(OP, run(x, k, b, m, x_zero=zero, levels=chosen), out)
    kind = eight.REAL if chosen is None else eight.TYPE
    y = checks.output(OP, "out", out, (x.shape[0], k.shape[1]), kind, (x, k, b, m))
    run(x, k, b, m, x_zero=zero, levels=chosen, out=y)
    return y
