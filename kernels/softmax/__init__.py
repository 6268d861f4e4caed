"""Softmax over the last axis, y_k = exp(x_k) / sum_j exp(x_j), or its logarithm (`log=True`); README.md is the lesson.

Arrays of any rank >= 1; all float32 or all float64. A variant receives them as (M,K): M rows, K classes.
`out`: where to write the result, C-contiguous and apart from the inputs. `variant`: a name from the registry.
Every function raises TypeError for a wrong kind of array and ValueError for shapes that do not fit.
Source: Bridle 1990; Goodfellow, Bengio, Courville, Deep Learning, 2016, 4.1 and 6.2.2.3.
"""

import numpy as np

from kernels import activation, checks

OP = "softmax"


def forward(x: np.ndarray, *, log: bool = False, variant: str = "cpu", out: np.ndarray | None = None) -> np.ndarray:
    """Compute y[...,k] = exp(x[...,k] - max_j x[...,j]) / sum_j exp(x[...,j] - max)  -> y, x's shape.

    With `log` its logarithm, y[...,k] = x[...,k] - max - log sum_j exp(x[...,j] - max), without
    the quotient's underflow.
    `reference` returns float64, the others x's dtype. A row with NaN or +inf, or of -inf only, is NaN.
    """
    x = _array("x", x)
    return activation.forward(OP, x, variant, out, _rows, log=_flag(log))


def backward(
    dy: np.ndarray, y: np.ndarray, *, log: bool = False, variant: str = "cpu", out: np.ndarray | None = None
) -> np.ndarray:
    """Compute dx[...,k] = y[...,k] * (dy[...,k] - sum_j dy[...,j] * y[...,j]); y is forward's result  -> dx.

    With `log`, of which y is then the result: dx[...,k] = dy[...,k] - exp(y[...,k]) * sum_j dy[...,j].
    """
    dy, y = _array("dy", dy), _array("y", y)
    return activation.backward(OP, dy, y, variant, out, _rows, log=_flag(log))


def _flag(log: bool) -> bool:
    if not isinstance(log, (bool, np.bool_)):
        raise TypeError(f"{OP}: log must be True or False, got {log!r}")
    return bool(log)


def _array(name: str, value: np.ndarray) -> np.ndarray:
    value = checks.array(OP, name, value, None)
    if value.ndim == 0:
        raise ValueError(f"{OP}: {name} must have at least 1 axis, the classes, got shape ()")
    return value


def _rows(array: np.ndarray) -> np.ndarray:
    """Return the array as (M,K), without a copy; reshape cannot find M itself if K is 0."""
    classes = array.shape[-1]
    return array.reshape(array.size // max(classes, 1), classes)
