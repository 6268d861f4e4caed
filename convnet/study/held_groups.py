"""Patients, studies or series that a fold of cross-validation holds out, joined and calibrated by its `val`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.evaluation.intervals import intervals
from convnet.study.groups import find_groups, fit_grouping, join_images
from convnet.study.metadata import ModelRecord
from convnet.study.tasks import TASKS, Task

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.evaluation.grouping import Grouping


@dataclass(frozen=True, eq=False)
class HeldGroups:
    """The groups of one fold: their labels (G,), calibrated probabilities (G,C) and a number for each one's patient."""

    y: np.ndarray
    p: np.ndarray
    owners: np.ndarray


def hold_groups(fold: Cohort, p: np.ndarray, p_val: np.ndarray, grouping: Grouping) -> HeldGroups:
    """Return the groups of the fold's `test`, joined and calibrated by what its `val` says."""
    task, val, at = TASKS[fold.task], fold.where("val"), fold.where("test")
    record = ModelRecord(classes=fold.classes, task=fold.task)
    record = replace(record, **task.fit(fold.y[val], p_val, fold.groups()[val]))
    fitted = fit_grouping(fold, task.calibrate(p_val, record), grouping)
    assert fitted is not None
    groups = find_groups(fold, at, grouping.level)
    labels = task.join_labels(fold.y[at], groups.of, grouping, fold.classes)
    return HeldGroups(labels, join_images(task.calibrate(p, record), groups, fitted, record), groups.owners)


def groups_together(found: Sequence[HeldGroups], task: Task, classes: tuple[str, ...]) -> dict[str, Any]:
    """Return the task's two metrics of all groups held out, each once, with intervals by patient, and their number."""
    y, p = (np.concatenate([getattr(of, name) for of in found]) for name in ("y", "p"))
    most = max(int(of.owners.max()) for of in found) + 1  # patients are numbered anew in every fold
    owners = np.concatenate([of.owners + most * n for n, of in enumerate(found)])
    wilson = len(np.unique(owners)) == len(y)
    return {"groups": len(y), **intervals(task.overall(y, p, classes), owners, wilson=wilson)}
