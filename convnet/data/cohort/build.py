"""What a cohort is, and the one place where one is put together and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convnet.data.cohort import targets
from convnet.data.cohort.splits import assign, require_apart
from convnet.data.cohort.store import Images
from convnet.data.cohort.table import SPLITS
from convnet.data.errors import CohortError


@dataclass(frozen=True)
class Skipped:
    """An image that is not in the cohort, and why.

    `path` is relative to the folder; owners: pseudonyms of its patient, study and series, as far as they are known;
    images: how many it stands for.
    """

    path: str
    reason: str
    owners: dict[str, str] = field(default_factory=dict, compare=False)
    images: int = field(default=1, compare=False)


@dataclass(frozen=True)
class Notes:
    """What a run should say of how images were read: what they were grouped by, ignored, and labelled."""

    grouping: str = ""
    remarks: list[Skipped] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Cohort:
    """N images in the table's order (a file's frames one after another).

    x        (N, H, W, 1), in colour (N, H, W, 3), or (N, 1, T, leads) for electrocardiograms; float32 in [0, 1]: an
             array, or `store.Images` that stay on disk until they are indexed
    y        (N,) int64, index into classes; of other tasks as in `targets`
    classes  label names, sorted (as numbers if all are whole numbers)
    task     "classes", "multilabel", "ordinal" or "regression"
    paths    each image's file, relative to the folder; frames (N,) int64: which frame of it
    patients "" if unknown; from a folder pseudonyms, never the table's or the files' own names
    splits   "train", "val" or "test" for each image
    skipped  what was left out, and why
    facts    what each image's header says (`facts.facts`); empty where there was no header
    owners   the group of each image that stays in one split; empty: its patient or, if unknown, its file
    studies, series  pseudonyms of each image's study and series, "" if unknown; empty where none is known
    notes    what a run should say of how the images were read
    """

    x: np.ndarray | Images
    y: np.ndarray
    classes: tuple[str, ...]
    paths: list[str]
    frames: np.ndarray
    patients: list[str]
    splits: list[str]
    skipped: list[Skipped] = field(default_factory=list)
    facts: list[dict[str, str]] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    studies: list[str] = field(default_factory=list)
    series: list[str] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)
    task: str = "classes"

    def fact(self, name: str) -> list[str]:
        """Return one of the facts for each image, "" if the header does not state it."""
        return [f.get(name, "") for f in self.facts] or [""] * len(self.y)

    def groups(self) -> np.ndarray:
        """Return (N,) int64, a number for each group of images: a patient or, if unknown, a study or file."""
        owners = self.owners or self.patients
        names = [owner or f"\0{path}" for owner, path in zip(owners, self.paths, strict=True)]
        return np.unique(names, return_inverse=True)[1].astype(np.int64)

    def members(self, level: str) -> list[str]:
        """Return the pseudonym of each image's patient, study or series, "" if it is unknown."""
        return {"patient": self.patients, "study": self.studies, "series": self.series}[level] or [""] * len(self.y)

    def where(self, name: str) -> np.ndarray:
        """Return the indices of the images in split `name`, int64, in order."""
        if name not in SPLITS:
            raise ValueError(f"Cohort: split {name!r} is unknown: expected one of {', '.join(SPLITS)}")
        return np.flatnonzero(np.array(self.splits) == name)

    def split(self, name: str) -> tuple[Any, np.ndarray]:
        """Return (x, y) of split `name`: copies, or Images that are on disk."""
        at = self.where(name)
        return self.x.select(at) if isinstance(self.x, Images) else self.x[at], self.y[at]

    def strata(self) -> np.ndarray:
        """Return (N,) int64, what splits and folds keep in proportion (`targets.strata`)."""
        return targets.strata(self.y, self.task)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many images there are: {split: {class: count}}, all splits and all classes (`targets.count`)."""
        pairs = targets.count(self.y, self.splits, self.classes, self.task)
        return {s: {c: pairs[s, i] for i, c in enumerate(self.classes)} for s in SPLITS}

    def describe_counts(self) -> str:
        """Return `counts` in words."""
        return "; ".join(f"{s}: " + ", ".join(f"{n} {c!r}" for c, n in of.items()) for s, of in self.counts().items())


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one image beside its pixels.

    path     its file, relative to the folder; frame: which frame of it
    patient, study, series  pseudonyms, "" if unknown
    split    "train", "val" or "test"; None for every image if splits are to be drawn
    group    what stays in one split; None: the patient
    facts    what its header says (`facts.facts`)
    """

    label: str
    path: str
    frame: int = 0
    patient: str = ""
    split: str | None = None
    group: str | None = None
    facts: dict[str, str] = field(default_factory=dict)
    study: str = ""
    series: str = ""

    @property
    def owner(self) -> str:
        """The name of what stays in one split."""
        return self.patient if self.group is None else self.group


def build(
    images: Sequence[np.ndarray] | np.ndarray | Images,
    records: Sequence[Record],
    *,
    classes: Sequence[str] | None = None,
    skipped: Sequence[Skipped] = (),
    seed: int = 0,
    task: str = "classes",
) -> Cohort:
    """Return a checked Cohort of images (H, W), (H, W, 3) or (1, T, leads) in [0, 1], a record for each.

    classes  their order; else the sorted labels
    seed     of the 70/10/20 split that is drawn if the records name no splits
    task     what the labels are (`targets`)
    Raises CohortError.
    """
    if not records:
        raise CohortError("no image could be used" + "".join(f"; {s.path}: {s.reason}" for s in skipped[:3]))
    x, labels = stack(images), [r.label for r in records]
    if task not in targets.TASKS:
        raise CohortError(f"task={task!r} is unknown: expected one of {', '.join(targets.TASKS)}")
    names = tuple(str(c) for c in classes) if classes is not None else targets.name_classes(labels, task)
    if len(set(names)) < len(names):
        raise CohortError(f"classes {list(names)}: each must be named once")
    y, groups = targets.encode(labels, task, names), [r.owner for r in records]
    named = [r.split for r in records if r.split is not None]
    if unknown := set(named) - set(SPLITS):
        raise CohortError(f"splits {sorted(unknown)} are unknown: expected {', '.join(SPLITS)}")
    if len(named) < len(records):
        kept = labels if task in ("classes", "ordinal") else targets.strata(y, task).astype(str).tolist()
        named = assign(groups, kept, names if kept is labels else sorted(set(kept)), seed)
    splits = named
    require_apart(groups, splits, [r.path for r in records])
    return Cohort(
        x=x,
        y=y,
        classes=names,
        paths=[r.path for r in records],
        frames=np.array([r.frame for r in records], np.int64),
        patients=[r.patient for r in records],
        splits=splits,
        skipped=list(skipped),
        facts=[r.facts for r in records] if any(r.facts for r in records) else [],
        owners=groups,
        studies=[r.study for r in records] if any(r.study for r in records) else [],
        series=[r.series for r in records] if any(r.series for r in records) else [],
        task=task,
    )


def stack(images: Sequence[np.ndarray] | np.ndarray | Images) -> np.ndarray | Images:
    """Return the images as one array (N, H, W, C), or as they are if they stay on disk. Raises CohortError."""
    if isinstance(images, Images):
        return images
    shapes = sorted({image.shape for image in images})
    if len({len(shape) for shape in shapes}) > 1:
        raise CohortError("images and electrocardiograms in one table: make a table for each kind")
    if len(shapes) > 1:
        raise CohortError(f"images of {len(shapes)} shapes, for instance {shapes[0]} and {shapes[-1]}: give a size")
    x = np.stack([np.asarray(image, np.float32) for image in images])
    return x[..., None] if x.ndim == 3 else x
