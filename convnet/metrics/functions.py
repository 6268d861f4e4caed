"""Metrics of a user's own: functions of NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from convnet.metrics.means import Mean


class FunctionMetric(Mean):
    """The mean of `function(y_true, y_pred)` over all that was seen; it returns a number a row, or one a batch."""

    def __init__(self, function: Callable[[np.ndarray, np.ndarray], Any], name: str | None = None) -> None:
        self.function = function
        super().__init__(name or getattr(function, "__name__", type(function).__name__))

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return what the function returns; a target (N,) of outputs (N,1) becomes (N,1), as in Keras."""
        y_true = y_true[..., None] if (*y_true.shape, 1) == y_pred.shape else y_true
        return np.asarray(self.function(y_true, y_pred), float)
