"""Losses of regression: a difference between numbers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from convnet.losses.arrays import RowLoss
from convnet.losses.base import Bound, Loss, on_rows
from kernels import checks, registry


class MeanSquaredError(Loss):
    """Formula (3): L = 1/N sum_i (y_i - yhat_i)^2, N the number of elements."""

    name = "mean_squared_error"

    def bind(self, target: str, y: np.ndarray, yhat: np.ndarray, weights: np.ndarray | None, *, logits: bool) -> Bound:
        """Return mse's kernels on these arrays."""
        return on_rows(registry.load("mse", target), y, yhat, weights)


class MeanAbsoluteError(RowLoss):
    """l = |yhat - y|, the mean over all outputs; its slope at 0 is 0, as in Keras."""

    name = "mean_absolute_error"

    def element(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return |yhat - y|."""
        return np.abs(yhat - y)

    def slope(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return sign(yhat - y)."""
        return np.sign(yhat - y)


class Huber(RowLoss):
    """l = e^2 / 2 where |e| <= delta, else delta * |e| - delta^2 / 2; e = yhat - y. Source: Huber, 1964."""

    name = "huber_loss"
    settings: ClassVar[tuple[str, ...]] = ("delta", "reduction")

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        """Take Keras's arguments, in Keras's order."""
        super().__init__(reduction, name, **unknown)
        self.delta = checks.number("Huber", "delta", delta, 0.0)

    def element(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return the square near the target and the distance far from it."""
        e = np.abs(yhat - y)
        return np.where(e <= self.delta, e * e / 2, self.delta * e - self.delta**2 / 2)

    def slope(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return e, held within delta."""
        return np.clip(yhat - y, -self.delta, self.delta)
