"""The mean squared error, the document's formula (3), L = 1/N sum_i (y_i - yhat_i)^2; README.md is the lesson.

y and yhat have one shape, any; N is the number of their elements. `weights` (B,), one per sample (the first axis).
All arrays are float32 or all are float64.
`out`: where to write the result, C-contiguous and apart from the inputs. `variant`: a name from the registry.
Every function raises TypeError for a wrong kind of array and ValueError for shapes that do not fit, or no elements.
Source: the document's formula (3).
"""

from typing import Any

import numpy as np

from kernels import checks

OP = "mse"


def forward(
    y: np.ndarray,
    yhat: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> Any:
    """Compute L = 1/N sum_i w_i * (y_i - yhat_i)^2  -> L, a NumPy scalar, or `out` (a 0-d array).

    w_i is the weight of the sample that element i belongs to, 1 without weights. N does not depend on the weights.
    `reference` returns float64, the others yhat's dtype.
    """
    y, yhat, weights = _arguments(y, yhat, weights)
    run = checks.kernel(OP, variant, "forward", y, yhat, weights)
    if variant == "reference":
        return checks.deliver(OP, run(y, yhat, weights), out)
    L = checks.output(OP, "out", out, (), yhat.dtype, (y, yhat, weights))
    run(y, yhat, weights, out=L)
    return checks.scalar(L, out)


def backward(
    y: np.ndarray,
    yhat: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute dyhat_i = 2 w_i (yhat_i - y_i) / N  -> dyhat, yhat's shape."""
    y, yhat, weights = _arguments(y, yhat, weights)
    run = checks.kernel(OP, variant, "backward", y, yhat, weights)
    if variant == "reference":
        return checks.deliver(OP, run(y, yhat, weights), out)
    dyhat = checks.output(OP, "out", out, yhat.shape, yhat.dtype, (y, yhat, weights))
    run(y, yhat, weights, out=dyhat)
    return dyhat


def _arguments(y: Any, yhat: Any, weights: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    y, yhat = checks.array(OP, "y", y, None), checks.array(OP, "yhat", yhat, None)
    checks.shape(OP, "y", y, yhat.shape, "yhat's shape")
    if yhat.size == 0:
        raise ValueError(f"{OP}: the mean of no elements is not defined: yhat.shape={yhat.shape}")
    if weights is not None:
        weights = checks.array(OP, "weights", weights, "B")
        checks.shape(OP, "weights", weights, yhat.shape[:1], f"one per sample, the first axis: yhat.shape={yhat.shape}")
    checks.same_dtype(OP, y=y, yhat=yhat, weights=weights)
    return y, yhat, weights
