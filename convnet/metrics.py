"""Metrics with Keras's names, gathered over the batches of an epoch."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np


class Metric:
    """reset(), update(y_true, y_pred) for each batch, result()."""

    name: ClassVar[str]

    def __init__(self, name: str | None = None) -> None:
        self.label = name or self.name
        self.reset()

    def reset(self) -> None:
        self.total, self.count = 0.0, 0

    def update(self, y_true: np.ndarray, y_pred: np.ndarray) -> None:
        raise TypeError(f"{type(self).__name__} must define update()")

    def result(self) -> float:
        """The mean over all that was seen; NaN before anything was."""
        return self.total / self.count if self.count else float("nan")


class SparseCategoricalAccuracy(Metric):
    """The share of samples whose largest output is the labelled class."""

    name = "sparse_categorical_accuracy"

    def update(self, y_true: np.ndarray, y_pred: np.ndarray) -> None:
        self.total += int(np.count_nonzero(y_pred.argmax(axis=-1) == y_true.reshape(-1)))
        self.count += len(y_pred)


class CategoricalAccuracy(Metric):
    """The share of samples whose largest output is the largest target."""

    name = "categorical_accuracy"

    def update(self, y_true: np.ndarray, y_pred: np.ndarray) -> None:
        self.total += int(np.count_nonzero(y_pred.argmax(axis=-1) == y_true.argmax(axis=-1)))
        self.count += len(y_pred)


class BinaryAccuracy(Metric):
    """The share of outputs on the target's side of 0.5."""

    name = "binary_accuracy"

    def update(self, y_true: np.ndarray, y_pred: np.ndarray) -> None:
        self.total += int(np.count_nonzero((y_pred > 0.5) == (y_true.reshape(y_pred.shape) > 0.5)))
        self.count += y_pred.size


class MeanSquaredError(Metric):
    """Formula (3) over all that was seen."""

    name = "mean_squared_error"

    def update(self, y_true: np.ndarray, y_pred: np.ndarray) -> None:
        self.total += float(np.sum((y_true.reshape(y_pred.shape) - y_pred.astype(float)) ** 2))
        self.count += y_pred.size


class AUC(Metric):
    """Area under the ROC curve, exact (Mann-Whitney, ties count a half), not Keras's 200 thresholds.

    One output: its score. Two outputs: the second's, label 1 the positive class. NaN while one class is missing.
    """

    name = "auc"

    def reset(self) -> None:
        self.truth: list[np.ndarray] = []
        self.scores: list[np.ndarray] = []

    def update(self, y_true: np.ndarray, y_pred: np.ndarray) -> None:
        if y_pred.ndim != 2 or y_pred.shape[1] > 2:
            raise ValueError(f"auc: needs one or two outputs a sample, the model gives {y_pred.shape[1:]}")
        labels = y_true[:, -1] if y_true.ndim == 2 else y_true
        self.truth.append(np.array(labels, copy=True))
        self.scores.append(y_pred[:, -1].copy())

    def result(self) -> float:
        from scipy.stats import rankdata

        if not self.truth:
            return float("nan")
        positive = np.concatenate(self.truth) > 0.5
        n1, n0 = int(positive.sum()), int((~positive).sum())
        if not n1 or not n0:
            return float("nan")
        ranks = rankdata(np.concatenate(self.scores))
        return float((ranks[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


_CLASSES: tuple[type[Metric], ...] = (
    SparseCategoricalAccuracy,
    CategoricalAccuracy,
    BinaryAccuracy,
    MeanSquaredError,
    AUC,
)
BY_NAME: dict[str, type[Metric]] = {cls.name: cls for cls in _CLASSES} | {"mse": MeanSquaredError, "AUC": AUC}


def get(metric: Any, output_shape: tuple[int, ...], sparse: bool) -> Metric:
    """A metric object, from one or from its name; "accuracy" means the one that fits the outputs and the targets."""
    if isinstance(metric, Metric):
        return metric
    if metric in ("accuracy", "acc"):
        if sparse:
            return SparseCategoricalAccuracy(metric)
        return BinaryAccuracy(metric) if output_shape[-1] == 1 else CategoricalAccuracy(metric)
    return BY_NAME[metric](metric)


def check(metric: Any) -> Any:
    """A metric object or a supported name, as it is; ValueError lists the names."""
    if isinstance(metric, Metric) or metric in ("accuracy", "acc") or metric in BY_NAME:
        return metric
    raise ValueError(f"metric {metric!r} is not supported; choose one of: accuracy, {', '.join(BY_NAME)}")
