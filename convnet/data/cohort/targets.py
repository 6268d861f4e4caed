"""What the labels of a cohort are: one class an image, several findings, a grade, or a measurement.

task        labels                                       y
classes     one name an image                            (N,) int64, index into classes
multilabel  "Effusion|Mass", "No Finding" for none       (N,K) int64, 1 where the image has the finding
ordinal     names with a number each, in its order       (N,) int64, index into classes, the lowest grade first
regression  numbers                                      (N,) float64
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from convnet.data.cohort.labels import MARKS, measured, multiple, number
from convnet.data.errors import CohortError

TASKS = ("classes", "multilabel", "ordinal", "regression")
NOTHING = ("no finding", "no findings", "none")  # what tables write where an image has none
VALUE = ("value",)  # what a measurement's one output is called
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def recognise(labels: Sequence[str]) -> str:
    """Return the task that labels look like: never "ordinal", which nothing but the user's word tells from classes."""
    if any(mark in label for label in multiple(labels) for mark in MARKS):
        return "multilabel"
    return "regression" if measured(labels) else "classes"


def findings(label: str) -> list[str]:
    """Return the findings that a cell names."""
    parts = [part.strip() for part in re.split(f"[{re.escape(MARKS)}]", label)]
    return [part for part in parts if part and part.casefold() not in NOTHING]


def name_classes(labels: Sequence[str], task: str) -> tuple[str, ...]:
    """Return the names of a cohort's classes, in order. Raises CohortError for labels that the task cannot have."""
    if task == "regression":
        return VALUE
    if task == "ordinal":
        return sort_grades(labels)
    names = {name for label in labels for name in findings(label)} if task == "multilabel" else set(labels)
    if task == "multilabel" and not names:
        raise CohortError("--task multilabel: no image has any finding")
    numeric = all(n.removeprefix("-").isdecimal() and n.isascii() for n in names)
    return tuple(sorted(names, key=lambda n: (int(n), n)) if numeric else sorted(names))


def sort_grades(labels: Sequence[str]) -> tuple[str, ...]:
    """Return grades in the order of the one number that each of them holds. Raises CohortError."""
    values = {}
    for label in set(labels):
        found = NUMBER.findall(label) if number(label) is None else [label.replace(",", ".")]
        if len(found) != 1:
            raise CohortError(
                f"--task ordinal: the grade {label!r} has no number of its own to be ordered by: name grades "
                "0, 1, 2 or 'grade 1', 'grade 2'"
            )
        values[label] = float(found[0])
    if len(set(values.values())) < len(values):
        raise CohortError(f"--task ordinal: two grades have one number: {', '.join(sorted(values))}")
    return tuple(sorted(values, key=values.__getitem__))


def encode(labels: Sequence[str], task: str, classes: tuple[str, ...]) -> np.ndarray:
    """Return y (see the module's table). Raises CohortError for a label that is none of the classes, or no number."""
    if task == "regression":
        values = [number(label) for label in labels]
        if None in values:
            raise CohortError(f"--task regression: the label {labels[values.index(None)]!r} is no finite number")
        return np.array(values, np.float64)
    index = {c: i for i, c in enumerate(classes)}
    cells = [findings(label) if task == "multilabel" else [label] for label in labels]
    if unknown := sorted({name for cell in cells for name in cell} - set(index)):
        listed = ", ".join(map(repr, unknown[:8]))
        raise CohortError(f"labels {listed} are none of the classes {', '.join(map(repr, classes))}")
    if task != "multilabel":
        return np.array([index[label] for label in labels], np.int64)
    y = np.zeros((len(labels), len(classes)), np.int64)
    for row, cell in zip(y, cells, strict=True):
        row[[index[name] for name in cell]] = 1
    return y


def strata(y: np.ndarray, task: str) -> np.ndarray:
    """Return (N,) int64: what splits and folds keep in proportion.

    The class or grade; the rarest of an image's findings + 1, 0 for none; which fifth of the measurements it is in.
    """
    if task == "multilabel":
        order = np.argsort(y.sum(axis=0), kind="stable")
        rarest = y[:, order].argmax(axis=1)
        return np.where(y.any(axis=1), order[rarest] + 1, 0).astype(np.int64)
    if task == "regression":
        edges = np.quantile(y, [0.2, 0.4, 0.6, 0.8]) if len(y) else np.zeros(4)
        return np.searchsorted(edges, y, side="right").astype(np.int64)
    return y


def count(y: np.ndarray, splits: Sequence[str], names: tuple[str, ...], task: str) -> Counter[tuple[str, int]]:
    """Return how many images each (split, class) has; with several findings an image counts in each of them."""
    if task == "multilabel":
        return Counter((splits[i], int(c)) for i, c in np.argwhere(y))
    if task == "regression":
        return Counter((split, 0) for split in splits)
    return Counter(zip(splits, y.tolist(), strict=True))
