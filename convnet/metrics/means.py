"""Metrics that are a mean over samples or pixels: accuracies and errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.metrics.base import Metric, shaped_like
from kernels import checks


class Mean(Metric):
    """The mean of a number for each sample, or for each pixel, over all that was seen; NaN before anything was."""

    def reset(self) -> None:
        """Forget what was seen."""
        self.total, self.count = 0.0, 0.0

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return one number a row: the last axis of y_pred holds one row's outputs."""
        raise NotImplementedError

    def update(self, y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Take in one batch."""
        values = np.asarray(self.values(y_true, y_pred), float)
        if weights is None:
            self.total, self.count = self.total + float(values.sum()), self.count + values.size
            return
        weights = weights.reshape(*weights.shape, *[1] * (values.ndim - weights.ndim))
        weights = np.broadcast_to(weights, values.shape)
        self.total, self.count = self.total + float((values * weights).sum()), self.count + float(weights.sum())

    def result(self) -> float:
        """Return the metric over all that was seen."""
        return self.total / self.count if self.count else float("nan")


def without_nan(right: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Return `right`, False for rows with a NaN among their outputs: NumPy's argmax would call NaN the largest."""
    if not np.isnan(y_pred.sum()):  # the usual case, at the price of one sum
        return right
    return right & ~np.isnan(y_pred).any(axis=-1)


class SparseCategoricalAccuracy(Mean):
    """The share of samples, or of pixels, whose largest output is the labelled class; one with a NaN is wrong."""

    kind = "sparse_categorical_accuracy"
    direction = "up"

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return one number a row."""
        found = y_pred.argmax(axis=-1)
        return without_nan(found == shaped_like(self.name, y_true, found.shape), y_pred)


class CategoricalAccuracy(Mean):
    """The share of samples, or of pixels, whose largest output is the largest target; one with a NaN is wrong."""

    kind = "categorical_accuracy"
    direction = "up"

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return one number a row."""
        target = shaped_like(self.name, y_true, y_pred.shape).argmax(axis=-1)
        return without_nan(y_pred.argmax(axis=-1) == target, y_pred)


class BinaryAccuracy(Mean):
    """The share of outputs that, taken as 1 above `threshold` and as 0 otherwise, are the target; NaN never is."""

    kind = "binary_accuracy"
    direction = "up"
    settings = ("threshold",)

    def __init__(
        self, name: str | None = None, dtype: str | None = None, threshold: float = 0.5, **unknown: Any
    ) -> None:
        self.threshold = checks.number("BinaryAccuracy", "threshold", threshold, 0.0, 1.0)
        super().__init__(name, dtype=dtype, **unknown)

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return one number a row."""
        right = (y_pred > self.threshold) == shaped_like(self.name, y_true, y_pred.shape)
        return right & ~np.isnan(y_pred)


class _TopK(Mean):
    """The share of rows whose class is among the k largest outputs; one tied with the k-th counts as among them."""

    direction = "up"
    settings = ("k",)

    def __init__(self, k: int = 5, name: str | None = None, dtype: str | None = None, **unknown: Any) -> None:
        self.k = checks.integer(type(self).__name__, "k", k)
        super().__init__(name, dtype=dtype, **unknown)

    def classes(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return the true class of each row."""
        raise NotImplementedError

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return one number a row."""
        true = self.classes(y_true, y_pred)
        own = np.take_along_axis(y_pred, true[..., None].astype(np.int64), axis=-1)
        return without_nan(((y_pred > own).sum(axis=-1) < self.k) & np.isfinite(own[..., 0]), y_pred)


class TopKCategoricalAccuracy(_TopK):
    """The share of rows whose largest target is among the k largest outputs."""

    kind = "top_k_categorical_accuracy"

    def classes(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return the true class of each row."""
        return shaped_like(self.name, y_true, y_pred.shape).argmax(axis=-1)


class SparseTopKCategoricalAccuracy(_TopK):
    """The share of rows whose labelled class is among the k largest outputs."""

    kind = "sparse_top_k_categorical_accuracy"
    defaults = Metric.defaults | {"from_sorted_ids": False}

    def classes(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return the true class of each row."""
        return shaped_like(self.name, y_true, y_pred.shape[:-1])


class MeanSquaredError(Mean):
    """Formula (3) over all that was seen."""

    kind = "mean_squared_error"
    direction = "down"

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return one number a row."""
        return ((shaped_like(self.name, y_true, y_pred.shape) - y_pred.astype(float)) ** 2).mean(axis=-1)


class MeanAbsoluteError(Mean):
    """The mean of |y - yhat| over all that was seen."""

    kind = "mean_absolute_error"
    direction = "down"

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return one number a row."""
        return np.abs(shaped_like(self.name, y_true, y_pred.shape) - y_pred.astype(float)).mean(axis=-1)
