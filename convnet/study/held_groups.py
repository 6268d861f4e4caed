"""Patients, studies or series that a fold of cross-validation holds out, joined and calibrated by its `val`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.evaluation.calibration import calibrate, temperature
from convnet.evaluation.grouping import join_labels
from convnet.evaluation.intervals import intervals, ranking_metrics
from convnet.study.groups import find_groups, fit_grouping, join_images

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
    T = temperature(fold.y[fold.where("val")], p_val)
    fitted = fit_grouping(fold, calibrate(p_val, T), grouping)
    assert fitted is not None
    at = fold.where("test")
    groups = find_groups(fold, at, grouping.level)
    labels = join_labels(fold.y[at], groups.of, grouping, fold.classes)
    return HeldGroups(labels, join_images(calibrate(p, T), groups, fitted), groups.owners)


def groups_together(found: Sequence[HeldGroups]) -> dict[str, Any]:
    """Return AUC and accuracy of all groups held out, each once, with intervals by patient, and how many there are."""
    y, p = (np.concatenate([getattr(of, name) for of in found]) for name in ("y", "p"))
    most = max(int(of.owners.max()) for of in found) + 1  # patients are numbered anew in every fold
    owners = np.concatenate([of.owners + most * n for n, of in enumerate(found)])
    metrics = ranking_metrics(y, p)
    wanted = {name: metrics[name] for name in ("auc", "accuracy")}
    return {"groups": len(y), **intervals(wanted, owners, wilson=len(np.unique(owners)) == len(y))}
