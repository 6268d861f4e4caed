"""Metrics made of counts of right and wrong answers: precision, recall, F1; and the area under the ROC curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.metrics.base import Metric, shaped_like
from kernels import checks


class _Share(Metric):
    """True positives as a share; 0 while there is nothing to take a share of, as in Keras."""

    direction = "up"
    settings = ("thresholds", "class_id")

    def __init__(
        self,
        thresholds: float | None = None,
        top_k: None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
        **unknown: Any,
    ) -> None:
        where = type(self).__name__
        self.thresholds = 0.5 if thresholds is None else checks.number(where, "thresholds", thresholds, 0.0, 1.0)
        self.class_id = None if class_id is None else checks.integer(where, "class_id", class_id, 0)
        super().__init__(name, dtype=dtype, top_k=top_k, **unknown)

    def reset(self) -> None:
        """Forget what was seen."""
        self.hits, self.total = 0.0, 0.0

    def counted(self, truth: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Return what the share is of."""
        raise NotImplementedError

    def update(self, y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Take in one batch."""
        y_true = shaped_like(self.name, y_true, y_pred.shape)
        if self.class_id is not None:
            if y_pred.ndim < 2:
                raise ValueError(
                    f"{self.name}: class_id={self.class_id} needs outputs (N, classes), got {y_pred.shape}"
                )
            if self.class_id >= y_pred.shape[-1]:
                raise ValueError(f"{self.name}: class_id={self.class_id}, but there are {y_pred.shape[-1]} outputs")
            y_true, y_pred = y_true[..., self.class_id], y_pred[..., self.class_id]
        truth, chosen = y_true > 0, y_pred > self.thresholds
        each = np.ones(truth.shape)
        if weights is not None:
            each *= weights.reshape(*weights.shape, *[1] * (truth.ndim - weights.ndim))
        self.hits += float(each[truth & chosen].sum())
        self.total += float(each[self.counted(truth, chosen)].sum())

    def result(self) -> float:
        """Return the metric over all that was seen."""
        return self.hits / self.total if self.total else 0.0


class Precision(_Share):
    """Of the outputs above the threshold, the share whose target is 1 (the positive predictive value)."""

    kind = "precision"

    def counted(self, truth: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Return what the share is of."""
        return chosen


class Recall(_Share):
    """Of the targets that are 1, the share whose output is above the threshold (the sensitivity)."""

    kind = "recall"

    def counted(self, truth: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Return what the share is of."""
        return truth


class F1Score(Metric):
    """2 TP / (2 TP + FP + FN) for each class, 0 where there is nothing to count; averaged by `average`.

    y_true and y_pred (N,K). Without a `threshold` the largest output of a row is its choice. average: None an array
    with a number a class, "macro" their mean, "weighted" their mean by the class's targets, "micro" from all counts.
    """

    kind = "f1_score"
    direction = "up"
    settings = ("average", "threshold")

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = None,
        dtype: str | None = None,
        **unknown: Any,
    ) -> None:
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f"F1Score: average must be None, 'micro', 'macro' or 'weighted', got {average!r}")
        self.average = average
        self.threshold = None if threshold is None else checks.number("F1Score", "threshold", threshold, 0.0, 1.0)
        super().__init__(name, dtype=dtype, **unknown)

    def reset(self) -> None:
        """Forget what was seen."""
        self.counts: np.ndarray | None = None  # rows: true positives, false positives, false negatives, targets

    def update(self, y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Take in one batch."""
        if y_pred.ndim != 2 or y_true.shape != y_pred.shape:
            raise ValueError(
                f"{self.name}: needs targets and outputs (N, classes), got {y_true.shape} and {y_pred.shape}: give "
                "one-hot targets"
            )
        if self.threshold is None:
            chosen = (y_pred >= y_pred.max(axis=-1, keepdims=True)) & (np.abs(y_pred) > 1e-9)  # Keras's: not [0, 0, 0]
        else:
            chosen = y_pred > self.threshold
        t, p = y_true.astype(float), chosen.astype(float)
        each = np.ones((len(t), 1)) if weights is None else weights.reshape(-1, 1)
        batch = np.stack([(a * each).sum(axis=0) for a in (p * t, p * (1 - t), (1 - p) * t, t)])
        self.counts = batch if self.counts is None else self.counts + batch

    def result(self) -> Any:
        """Return the metric over all that was seen."""
        if self.counts is None:
            return float("nan")
        counts = self.counts.sum(axis=1, keepdims=True) if self.average == "micro" else self.counts
        hits, false, missed, targets = counts
        below = 2 * hits + false + missed
        scores = np.divide(2 * hits, below, out=np.zeros_like(below), where=below > 0)
        if self.average is None:
            return scores
        if self.average == "weighted":
            return float((scores * targets).sum() / targets.sum()) if targets.sum() else 0.0
        return float(scores.mean())


class AUC(Metric):
    """Area under the ROC curve, exact (Mann-Whitney, ties count a half), not Keras's 200 thresholds.

    One output: its score. Two outputs: the second's, label 1 the positive class. NaN while one class is missing.
    """

    kind = "auc"
    direction = "up"
    defaults = Metric.defaults | {
        "num_thresholds": 200, "curve": "ROC", "summation_method": "interpolation", "multi_label": False,
        "from_logits": False,
    }  # fmt: skip

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        thresholds = {"num_thresholds": num_thresholds, "curve": curve, "summation_method": summation_method}
        super().__init__(name, **thresholds, **unknown)

    def reset(self) -> None:
        """Forget what was seen."""
        self.truth: list[np.ndarray] = []
        self.scores: list[np.ndarray] = []
        self.weights: list[np.ndarray] = []

    def update(self, y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Take in one batch."""
        if y_pred.ndim != 2 or y_pred.shape[1] > 2:
            raise ValueError(f"auc: needs one or two outputs a sample, the model gives {y_pred.shape[1:]}")
        if weights is not None:
            raise ValueError("auc: the exact area has no sample weights here: give it in `metrics`")
        labels = y_true[:, -1] if y_true.ndim == 2 else y_true
        self.truth.append(np.array(labels, copy=True))
        self.scores.append(y_pred[:, -1].copy())

    def result(self) -> float:
        """Return the metric over all that was seen."""
        from scipy.stats import rankdata

        if not self.truth:
            return float("nan")
        positive = np.concatenate(self.truth) > 0.5
        n1, n0 = int(positive.sum()), int((~positive).sum())
        if not n1 or not n0:
            return float("nan")
        ranks = rankdata(np.concatenate(self.scores))
        return float((ranks[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))
