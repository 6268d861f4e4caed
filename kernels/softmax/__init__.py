"""Softmax over the last axis, y_k = exp(x_k) / sum_j exp(x_j); README.md is the lesson.

Arrays of any rank >= 1; all float32 or all float64. A variant receives them as (M,K): M rows, K classes.
`out`: where to write the result, C-contiguous and apart from the inputs. `variant`: a name from the registry.
Every function raises TypeError for a wrong kind of array and ValueError for shapes that do not fit.
"""

import numpy as np

from kernels import activation, checks

OP = "softmax"


def forward(x: np.ndarray, *, variant: str = "cpu", out: np.ndarray | None = None) -> np.ndarray:
    """y[...,k] = exp(x[...,k] - max_j x[...,j]) / sum_j exp(x[...,j] - max)  -> y, x's shape.

    `reference` returns float64, the others x's dtype. A row with NaN or +inf, or of -inf only, is NaN.
    """
    x = _array("x", x)
    return activation.forward(OP, x, variant, out, _rows)


def backward(dy: np.ndarray, y: np.ndarray, *, variant: str = "cpu", out: np.ndarray | None = None) -> np.ndarray:
    """dx[...,k] = y[...,k] * (dy[...,k] - sum_j dy[...,j] * y[...,j]), y being what forward returned  -> dx."""
    dy, y = _array("dy", dy), _array("y", y)
    return activation.backward(OP, dy, y, variant, out, _rows)


def _array(name: str, value: np.ndarray) -> np.ndarray:
    value = checks.array(OP, name, value, None)
    if value.ndim == 0:
        raise ValueError(f"{OP}: {name} must have at least 1 axis, the classes, got shape ()")
    return value


def _rows(array: np.ndarray) -> np.ndarray:
    """The array as (M,K), without a copy; M cannot be left to reshape where K is 0."""
    classes = array.shape[-1]
    return array.reshape(array.size // max(classes, 1), classes)
