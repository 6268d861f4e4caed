"""Losses of regression: a difference between numbers."""

from __future__ import annotations

import numpy as np

from convnet.losses.base import Bound, Loss, on_rows
from kernels import registry


class MeanSquaredError(Loss):
    """Formula (3): L = 1/N sum_i (y_i - yhat_i)^2, N the number of elements."""

    name = "mean_squared_error"

    def bind(self, target: str, y: np.ndarray, yhat: np.ndarray, weights: np.ndarray | None, *, logits: bool) -> Bound:
        """Return mse's kernels on these arrays."""
        return on_rows(registry.load("mse", target), y, yhat, weights)
