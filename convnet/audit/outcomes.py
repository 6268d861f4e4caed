"""What an audit counts images by: their class, their findings, or which fifth of the measurements they are in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convnet.data.cohort.labels import number
from convnet.data.cohort.targets import findings, recognise

NOTHING = "no finding"


def name_outcomes(labels: Sequence[str]) -> list[tuple[str, ...]]:
    """Return what each image counts as: one name, or, if cells name several findings, one for each finding."""
    task = recognise(labels)
    if task == "multilabel":
        return [tuple(findings(label)) or (NOTHING,) for label in labels]
    return [(name,) for name in (name_fifths(labels) if task == "regression" else labels)]


def name_one(labels: Sequence[str]) -> list[str]:
    """Return one name for each image: of several findings all of them together."""
    return ["|".join(names) for names in name_outcomes(labels)]


def name_fifths(labels: Sequence[str]) -> list[str]:
    """Return the fifth of the measurements that each label is in, as "0.2 to 0.4"; labels are numbers."""
    values = np.array([number(label) for label in labels], np.float64)
    of = np.searchsorted(np.quantile(values, [0.2, 0.4, 0.6, 0.8]), values, side="right")
    names = {n: f"{values[of == n].min():.4g} to {values[of == n].max():.4g}" for n in np.unique(of)}
    return [names[n] for n in of]
