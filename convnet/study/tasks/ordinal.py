"""Grades: cumulative logits, one sigmoid for each step from a grade to the next.

Output j is P(grade > j); the loss is the binary cross-entropy of every step, and what rises with j is levelled when the
outputs are read. Source: Frank & Hall, ECML 2001; Niu et al., CVPR 2016.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.evaluation import grouping as joining
from convnet.evaluation import ordinal as measuring
from convnet.evaluation.intervals import format_interval
from convnet.evaluation.side_by_side import group_lines
from convnet.evaluation.subgroups import subgroup_lines, subgroups
from convnet.notice import NOTICE
from convnet.output.words import count
from convnet.study.tasks.base import Asked, Task, join_largest
from convnet.study.tasks.classes import require_classes

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.evaluation.grouping import Grouping
    from convnet.study.metadata import ModelRecord

KAPPA = "quadratic weighted kappa"


class Ordinal(Task):
    """p (N,K-1): P(grade > j), never rising with j."""

    name = "ordinal"
    activation = "sigmoid"
    loss = "binary_crossentropy"
    score_name = "val_kappa"

    def width(self, classes: int) -> int:
        """Return the number of steps between the grades."""
        return classes - 1

    def targets(self, y: np.ndarray, classes: int) -> np.ndarray:
        """Return 1 for each step that the grade is above."""
        return measuring.steps(y, classes).astype(np.float32)

    def check(self, cohort: Cohort, y: np.ndarray) -> None:
        """Raise ValueError unless train has images of every grade."""
        require_classes(cohort, y)

    def read(self, outputs: np.ndarray, members: int = 1) -> np.ndarray:
        """Return cumulative probabilities that never rise."""
        return measuring.monotone(super().read(outputs, members))

    def score(self, y: np.ndarray, p: np.ndarray) -> float | None:
        """Return the quadratic weighted kappa."""
        value = measuring.kappa(y, measuring.grades(p), p.shape[1] + 1)(np.ones((1, len(y))))[0]
        return None if np.isnan(value) else float(value)

    def fit(self, y: np.ndarray, p: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
        """Return each step's calibration."""
        return {"calibration": measuring.fit(y, p)}

    def calibrate(self, p: np.ndarray, record: ModelRecord) -> np.ndarray:
        """Return the cumulative probabilities calibrated, step by step."""
        return measuring.calibrate(p, record.calibration)

    def measure(self, y: np.ndarray, p: np.ndarray, record: ModelRecord, asked: Asked) -> dict[str, Any]:
        """Return `ordinal.measure` and subgroups."""

        def of(at: np.ndarray) -> dict[str, Any]:
            found = measuring.named_metrics(y[at], p[at], record.classes)
            return {name: found[name] for name in (KAPPA, "MAE")}

        found = measuring.measure(y, p, record.classes, asked.groups, asked.wilson)
        return {**found, "subgroups": subgroups(asked.groups, asked.facts, of)}

    def lines(self, result: dict[str, Any]) -> list[str]:
        """Return a line for each metric, and the confusion."""
        out = [f"images {result['n']} of {count(result['patients'], 'patient')}, grades {', '.join(result['classes'])}"]
        out.append("95% intervals by bootstrap over patients (MAE in grades):")
        out += [f"  {name}: {format_interval(metric)}" for name, metric in result["figures"].items()]
        width = max(6, *(len(c) for c in result["classes"]))
        out.append("confusion (rows: truth, columns: prediction)")
        out.append(" " * (width + 2) + " ".join(c.rjust(width) for c in result["classes"]))
        for name, row in zip(result["classes"], result["confusion"], strict=True):
            out.append(f"  {name.ljust(width)}" + " ".join(str(v).rjust(width) for v in row))
        out.append(f"calibration of the steps: expected calibration error {result['calibration']['ece']:.3f}")
        return [*out, *subgroup_lines(result["subgroups"]), *group_lines(result), NOTICE]

    def tell(self, p: np.ndarray, record: ModelRecord) -> dict[str, Any]:
        """Return the predicted grade and the probability of each."""
        each = measuring.each_grade(p[None])[0]
        probabilities = {c: float(v) for c, v in zip(record.classes, each, strict=True)}
        return {"label": record.classes[int(measuring.grades(p[None])[0])], "probabilities": probabilities}

    def output_of(self, p: np.ndarray, record: ModelRecord) -> tuple[int, str]:
        """Return the step that leads to the predicted grade, the first one for the lowest."""
        step = max(0, int(measuring.grades(p[None])[0]) - 1)
        return step, f"above {record.classes[step]}"

    def untell(self, told: Any, record: ModelRecord) -> np.ndarray:
        """Return the cumulative probabilities of those of the grades."""
        each = np.array([told.probabilities[c] for c in record.classes])
        return np.clip(1 - np.cumsum(each)[:-1], 0, 1)

    def join(self, p: np.ndarray, of: np.ndarray, grouping: Grouping) -> np.ndarray:
        """Return the joint cumulative probabilities, step by step; they never rise, as those of the images do not."""
        return measuring.monotone(joining.join_odds(p, of, grouping))

    def join_labels(self, y: np.ndarray, of: np.ndarray, grouping: Grouping, classes: tuple[str, ...]) -> np.ndarray:
        """Return the highest grade of a group's images."""
        return join_largest(y, of, grouping)

    def summary(self, y: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> dict[str, float | None]:
        """Return the kappa and the mean absolute error."""
        return {"kappa": self.score(y, p), "MAE": float(np.mean(np.abs(measuring.grades(p) - y)))}

    def overall(self, y: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return the same as metrics of sample weights."""
        found = measuring.named_metrics(y, p, classes)
        return {"kappa": found[KAPPA], "MAE": found["MAE"]}
