"""One class an image: softmax and cross-entropy, AUC, one temperature."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.evaluation import calibration, metrics, threshold
from convnet.evaluation import grouping as joining
from convnet.evaluation.intervals import ranking_metrics
from convnet.evaluation.report import report
from convnet.losses import CategoricalCrossentropy
from convnet.study.outputs import normalize
from convnet.study.tasks.base import Asked, Task

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.evaluation.grouping import Grouping
    from convnet.study.metadata import ModelRecord


class Classes(Task):
    """p (N,C): the probability of each class."""

    name = "classes"
    activation = "softmax"
    loss = "sparse_categorical_crossentropy"
    metrics = ("accuracy",)

    def targets(self, y: np.ndarray, classes: int) -> np.ndarray:
        """Return the class numbers."""
        return y

    def soft_targets(self, y: np.ndarray, classes: int) -> np.ndarray:
        """Return one-hot rows."""
        return np.eye(classes, dtype=np.float32)[y]

    def soft_loss(self, smoothing: float) -> Any:
        """Return the cross-entropy of one-hot rows."""
        return CategoricalCrossentropy(label_smoothing=smoothing)

    def check(self, cohort: Cohort, y: np.ndarray) -> None:
        """Raise ValueError unless train has images of two classes or more, and of every class."""
        require_classes(cohort, y)

    def read(self, outputs: np.ndarray, members: int = 1) -> np.ndarray:
        """Return probabilities: the outputs divided by their sum, which a sigmoid network's and an ensemble's need."""
        return normalize(outputs)

    def score(self, y: np.ndarray, p: np.ndarray) -> float | None:
        """Return the AUC."""
        return metrics.auc(y, p)

    def fit(self, y: np.ndarray, p: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
        """Return the temperature and, for two classes, the operating points."""
        T = calibration.temperature(y, p)
        return {"temperature": T, "operating_points": threshold.curve(y, calibration.calibrate(p, T))}

    def calibrate(self, p: np.ndarray, record: ModelRecord) -> np.ndarray:
        """Return the probabilities at the record's temperature."""
        return calibration.calibrate(p, record.temperature)

    def measure(self, y: np.ndarray, p: np.ndarray, record: ModelRecord, asked: Asked) -> dict[str, Any]:
        """Return `metrics.measure` and `report.report`."""
        classes = record.classes
        one = None if asked.positive is None else metrics.positive_index(classes, asked.positive)
        found = report(
            y,
            p,
            classes,
            groups=asked.groups,
            positive=one,
            points=record.operating_points,
            least=asked.least,
            facts=asked.facts,
            wilson=asked.wilson,
        )
        return {**metrics.measure(y, p, classes, asked.positive), **found}

    def lines(self, result: dict[str, Any]) -> list[str]:
        """Return `metrics.lines`."""
        return metrics.lines(result)

    def tell(self, p: np.ndarray, record: ModelRecord) -> dict[str, Any]:
        """Return the most probable class and the probability of each."""
        probabilities = {c: float(v) for c, v in zip(record.classes, p, strict=True)}
        return {"label": record.classes[int(p.argmax())], "probabilities": probabilities}

    def untell(self, told: Any, record: ModelRecord) -> np.ndarray:
        """Return the probabilities in the order of the classes."""
        return np.array([told.probabilities[c] for c in record.classes])

    def join(self, p: np.ndarray, of: np.ndarray, grouping: Grouping) -> np.ndarray:
        """Return `grouping.aggregate`."""
        return joining.aggregate(p, of, grouping)

    def join_labels(self, y: np.ndarray, of: np.ndarray, grouping: Grouping, classes: tuple[str, ...]) -> np.ndarray:
        """Return `grouping.join_labels`."""
        return joining.join_labels(y, of, grouping, classes)

    def fit_groups(self, y: np.ndarray, p: np.ndarray, owners: np.ndarray, grouping: Grouping) -> Grouping:
        """Return the rule with slope, biases and operating points."""
        return joining.fit(y, p, grouping)

    def calibrate_groups(self, p: np.ndarray, record: ModelRecord, grouping: Grouping) -> np.ndarray:
        """Return the probabilities scaled by slope and biases."""
        return joining.calibrate(p, grouping)

    def measure_groups(
        self, y: np.ndarray, p: np.ndarray, record: ModelRecord, grouping: Grouping, asked: Asked
    ) -> dict[str, Any]:
        """Return the metrics at the groups' own operating points."""
        if grouping.points is None:
            asked = replace(asked, least=None)
        return self.measure(y, p, replace(record, operating_points=grouping.points), asked)

    def summary(self, y: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> dict[str, float | None]:
        """Return AUC and accuracy."""
        return {"auc": metrics.auc(y, p), "accuracy": float(np.mean(p.argmax(axis=1) == y))}

    def overall(self, y: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return AUC and accuracy as metrics of sample weights."""
        found = ranking_metrics(y, p)
        return {name: found[name] for name in ("auc", "accuracy")}


def require_classes(cohort: Cohort, y: np.ndarray) -> None:
    """Raise ValueError unless the labels y hold two classes or more, and each of the cohort's."""
    missing = [c for i, c in enumerate(cohort.classes) if i not in y]
    if len(cohort.classes) < 2 or missing:
        only = f"only {cohort.classes[0]!r}"
        lacks = f"no image of class {missing[0]!r} in the split 'train'" if missing else only
        raise ValueError(f"train: needs images of two classes or more, but there is {lacks}")
