"""Several findings an image: a sigmoid, a binary cross-entropy, a calibration and a threshold for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.evaluation import grouping as joining
from convnet.evaluation import multilabel as measuring
from convnet.evaluation.intervals import format_interval
from convnet.evaluation.side_by_side import group_lines
from convnet.evaluation.subgroups import subgroup_lines, subgroups
from convnet.notice import NOTICE
from convnet.output.words import count
from convnet.study.tasks.base import Asked, Task, join_largest

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.evaluation.grouping import Grouping
    from convnet.study.metadata import ModelRecord

NOTHING = "no finding"


class MultiLabel(Task):
    """p (N,K): the probability of each finding, whatever the others are."""

    name = "multilabel"
    activation = "sigmoid"
    loss = "binary_crossentropy"

    def targets(self, y: np.ndarray, classes: int) -> np.ndarray:
        """Return the labels as numbers."""
        return y.astype(np.float32)

    def check(self, cohort: Cohort, y: np.ndarray) -> None:
        """Raise ValueError unless train has images with and without every finding."""
        for k, name in enumerate(cohort.classes):
            if not 0 < y[:, k].sum() < len(y):
                lacks = "no image with" if not y[:, k].any() else "only images with"
                raise ValueError(f"train: the split 'train' has {lacks} the finding {name!r}: it cannot be learned")

    def score(self, y: np.ndarray, p: np.ndarray) -> float | None:
        """Return the mean AUC of the findings that can be ranked; None if there is none."""
        value = measuring.mean_metrics(y, p, np.full(p.shape[1], 0.5))["auc"](np.ones((1, len(y))))[0]
        return None if np.isnan(value) else float(value)

    def fit(self, y: np.ndarray, p: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
        """Return each finding's calibration and threshold."""
        return {"calibration": measuring.fit(y, p)}

    def calibrate(self, p: np.ndarray, record: ModelRecord) -> np.ndarray:
        """Return the probabilities calibrated, finding by finding."""
        return measuring.calibrate(p, record.calibration)

    def measure(self, y: np.ndarray, p: np.ndarray, record: ModelRecord, asked: Asked) -> dict[str, Any]:
        """Return `multilabel.measure` and subgroups."""
        cuts = thresholds(record, p.shape[1])

        def of(at: np.ndarray) -> dict[str, Any]:
            found = measuring.mean_metrics(y[at], p[at], cuts)
            return {name: found[name] for name in ("auc", "accuracy")}

        found = measuring.measure(y, p, record.classes, asked.groups, cuts, asked.wilson)
        return {**found, "subgroups": subgroups(asked.groups, asked.facts, of)}

    def lines(self, result: dict[str, Any]) -> list[str]:
        """Return a line for each mean and for each finding."""
        of, findings = count(result["patients"], "patient"), count(len(result["classes"]), "finding")
        out = [f"images {result['n']} of {of}, {findings}"]
        out.append("means over findings, 95% intervals by bootstrap over patients:")
        out += [f"  {name}: {format_interval(metric)}" for name, metric in result["figures"].items()]
        for name, found in result["findings"].items():
            figures = ", ".join(f"{m} {format_interval(v)}" for m, v in found["figures"].items())
            out.append(f"'{name}' ({count(found['images'], 'image')}, threshold {found['threshold']:.3f}): {figures}")
        out.append(f"calibration of all findings: expected calibration error {result['calibration']['ece']:.3f}")
        return [*out, *subgroup_lines(result["subgroups"]), *group_lines(result), NOTICE]

    def tell(self, p: np.ndarray, record: ModelRecord) -> dict[str, Any]:
        """Return the findings that reach their threshold, joined by '|', and the probability of each."""
        cuts = thresholds(record, len(p))
        found = [c for c, v, cut in zip(record.classes, p, cuts, strict=True) if v >= cut]
        probabilities = {c: float(v) for c, v in zip(record.classes, p, strict=True)}
        return {"label": "|".join(found) or NOTHING, "probabilities": probabilities}

    def untell(self, told: Any, record: ModelRecord) -> np.ndarray:
        """Return the probabilities in the order of the findings."""
        return np.array([told.probabilities[c] for c in record.classes])

    def join(self, p: np.ndarray, of: np.ndarray, grouping: Grouping) -> np.ndarray:
        """Return each finding's joint probability, by itself."""
        return joining.join_odds(p, of, grouping)

    def join_labels(self, y: np.ndarray, of: np.ndarray, grouping: Grouping, classes: tuple[str, ...]) -> np.ndarray:
        """Return the findings that some image of the group has."""
        return join_largest(y, of, grouping)

    def summary(self, y: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> dict[str, float | None]:
        """Return the mean AUC and the share of right answers."""
        return {"auc": self.score(y, p), "accuracy": float(np.mean((p >= 0.5) == y))}

    def overall(self, y: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return the same as metrics of sample weights."""
        found = measuring.mean_metrics(y, p, np.full(p.shape[1], 0.5))
        return {name: found[name] for name in ("auc", "accuracy")}


def thresholds(record: ModelRecord, findings: int) -> np.ndarray:
    """Return each finding's threshold, 1/2 without a calibration."""
    if record.calibration is None:
        return np.full(findings, 0.5)
    return np.array([one["threshold"] for one in record.calibration])
