"""Metrics of segmentation: intersection over union, from a matrix of confusions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from convnet.metrics.base import Metric
from convnet.utils import check_flag
from kernels import checks


class IoU(Metric):
    """TP / (TP + FP + FN) of each target class, their mean; classes that occur nowhere are left out; NaN without any.

    sparse_y_true, sparse_y_pred: class numbers; False: an axis of one-hot targets, or of probabilities.
    ignore_class: pixels whose target is this class do not count.
    """

    kind = "io_u"
    direction = "up"
    settings: ClassVar[tuple[str, ...]] = (
        "num_classes",
        "target_class_ids",
        "ignore_class",
        "sparse_y_true",
        "sparse_y_pred",
        "axis",
    )

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Any,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
        **unknown: Any,
    ) -> None:
        where = type(self).__name__
        self.num_classes = checks.integer(where, "num_classes", num_classes)
        self.target_class_ids = [checks.integer(where, "target_class_ids", c, 0) for c in target_class_ids]
        if max(self.target_class_ids, default=0) >= self.num_classes:
            raise ValueError(f"{where}: target_class_ids must lie in 0..{num_classes - 1}, got {target_class_ids}")
        self.ignore_class = ignore_class
        self.sparse_y_true = check_flag(where, "sparse_y_true", sparse_y_true)
        self.sparse_y_pred = check_flag(where, "sparse_y_pred", sparse_y_pred)
        self.axis = int(axis)
        super().__init__(name, dtype=dtype, **unknown)

    def reset(self) -> None:
        """Forget what was seen."""
        self.matrix = np.zeros((self.num_classes, self.num_classes))  # rows: targets; columns: outputs

    def chosen(self, y_pred: np.ndarray) -> np.ndarray:
        """Return the class of each output."""
        return y_pred if self.sparse_y_pred else y_pred.argmax(axis=self.axis)

    def update(self, y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Take in one batch."""
        truth, found = y_true if self.sparse_y_true else y_true.argmax(axis=self.axis), self.chosen(y_pred)
        if truth.size != found.size:
            raise ValueError(
                f"{self.name}: {truth.size} targets but {found.size} outputs, of shapes {y_true.shape} and "
                f"{y_pred.shape}: for outputs with an axis of classes give sparse_y_pred=False"
            )
        each = np.ones(truth.size)
        if weights is not None:
            spread = weights.reshape(*weights.shape, *[1] * max(truth.ndim - weights.ndim, 0))
            each = np.broadcast_to(spread, truth.shape).reshape(-1)
        truth, found = truth.reshape(-1), found.reshape(-1)
        inside = (truth >= 0) & (truth < self.num_classes) & (found >= 0) & (found < self.num_classes)
        if self.ignore_class is not None:
            inside &= truth != self.ignore_class
        places = truth[inside].astype(int) * self.num_classes + found[inside].astype(int)
        counted = np.bincount(places, each[inside], self.num_classes**2)
        self.matrix = self.matrix + counted.reshape(self.matrix.shape)

    def result(self) -> float:
        """Return the metric over all that was seen."""
        hits = np.diag(self.matrix)
        union = (self.matrix.sum(axis=0) + self.matrix.sum(axis=1) - hits)[self.target_class_ids]
        there = union > 0
        return float((hits[self.target_class_ids][there] / union[there]).mean()) if there.any() else float("nan")


class BinaryIoU(IoU):
    """IoU of the classes 0 and 1; an output is 1 from the threshold on."""

    kind = "binary_io_u"
    settings: ClassVar[tuple[str, ...]] = ("target_class_ids", "threshold")

    def __init__(
        self,
        target_class_ids: Any = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: str | None = None,
        **unknown: Any,
    ) -> None:
        self.threshold = checks.number("BinaryIoU", "threshold", threshold, 0.0, 1.0)
        super().__init__(2, target_class_ids, name, dtype, **unknown)

    def chosen(self, y_pred: np.ndarray) -> np.ndarray:
        """Return 1 where the output reaches the threshold."""
        return (y_pred >= self.threshold).astype(int)


class MeanIoU(IoU):
    """The mean IoU of all classes."""

    kind = "mean_io_u"
    settings: ClassVar[tuple[str, ...]] = ("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")

    def __init__(self, num_classes: int, name: str | None = None, dtype: str | None = None, **settings: Any) -> None:
        super().__init__(num_classes, range(num_classes), name, dtype, **settings)


class OneHotIoU(IoU):
    """IoU of one-hot targets, and of probabilities unless sparse_y_pred."""

    kind = "one_hot_io_u"
    settings: ClassVar[tuple[str, ...]] = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Any,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
        **unknown: Any,
    ) -> None:
        how: dict[str, Any] = {"sparse_y_true": False, "sparse_y_pred": sparse_y_pred, "axis": axis}
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, **how, **unknown)


class OneHotMeanIoU(MeanIoU):
    """The mean IoU of all classes, of one-hot targets, and of probabilities unless sparse_y_pred."""

    kind = "one_hot_mean_io_u"
    settings: ClassVar[tuple[str, ...]] = ("num_classes", "ignore_class", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
        **unknown: Any,
    ) -> None:
        how: dict[str, Any] = {"ignore_class": ignore_class, "sparse_y_pred": sparse_y_pred, "axis": axis}
        super().__init__(num_classes, name, dtype, sparse_y_true=False, **how, **unknown)
