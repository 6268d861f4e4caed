"""Results per patient, study or series: which images are of one group, their joint probabilities, and their metrics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.pseudonyms import shown
from convnet.evaluation.grouping import MEAN, Grouping, MixedLabels
from convnet.study.metadata import read_record
from convnet.study.tasks import TASKS, Asked

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.model import Model
    from convnet.study.metadata import ModelRecord

EXAMPLES = 3  # groups that an error names
STATES = {
    "patient": "no patient: give --patient-column, or files with a PatientID",
    "study": "no study (StudyInstanceUID): only DICOM files state one",
    "series": "no series (SeriesInstanceUID): only DICOM files state one",
}


@dataclass(frozen=True, eq=False)
class Groups:
    """Which images are of one patient, study or series.

    names   a pseudonym for each of G groups; of: each image's group, 0..G-1, (N,)
    owners  a number for each group's patient, (G,): resamples draw whole patients
    """

    names: tuple[str, ...]
    of: np.ndarray
    owners: np.ndarray


def make_grouping(
    group: str, aggregate: str, finding: str, classes: tuple[str, ...], task: str = "classes"
) -> Grouping | None:
    """Return the rule that a recipe or a command's options name, not calibrated; None for group "none".

    finding  the class of which one image is enough, for max and top-K of two classes; "" is the second class
    Raises ValueError for a finding that is no class, or that the rule cannot use.
    """
    if group == "none":
        if finding or aggregate != MEAN:
            raise ValueError("--aggregate and --finding go with --group patient, study or series")
        return None
    one = 1 if task == "classes" and len(classes) == 2 and aggregate != MEAN else None
    if finding and one is None:
        raise ValueError(
            f"--finding {finding!r} goes with two classes and --aggregate max or top-K; this is --task {task} of "
            f"{len(classes)} and {aggregate}"
        )
    if finding and finding not in classes:
        raise ValueError(f"--finding {finding!r}: choose one of the classes: {', '.join(classes)}")
    return Grouping(group, aggregate, classes.index(finding) if finding else one)


def override_grouping(model: Model, group: str | None, aggregate: str | None, finding: str | None) -> None:
    """Let a command's options replace how a loaded model joins images, in memory alone (`choose_grouping`)."""
    if group is None and aggregate is None and finding is None:
        return
    record = read_record(model)
    model.metadata = replace(record, grouping=choose_grouping(record, group, aggregate, finding)).to_plain()


def choose_grouping(
    record: ModelRecord, group: str | None, aggregate: str | None, finding: str | None
) -> Grouping | None:
    """Return how a command joins images: as the model's file says, unless its options say otherwise.

    A rule that is not the model's own has no calibration. Raises ValueError for options that do not fit.
    """
    own = record.grouping
    if group is None and aggregate is None and finding is None:
        return own
    level = group or (own.level if own else "none")
    how = aggregate or (own.aggregate if own and level != "none" else MEAN)
    if finding is None and own is not None and own.finding is not None and how != MEAN and level != "none":
        finding = record.classes[own.finding]
    chosen = make_grouping(level, how, finding or "", record.classes, record.task)
    return own if chosen is not None and chosen.like(own) else chosen


def find_groups(cohort: Cohort, at: np.ndarray, level: str) -> Groups:
    """Return the groups of these images of a cohort. Raises ValueError if an image's group is unknown."""
    found = cohort.members(level)
    names = [found[i] for i in at]
    if unknown := names.count(""):
        first = cohort.paths[at[names.index("")]]
        raise ValueError(
            f"--group {level}: {unknown} of {len(names)} images state {STATES[level]}. The first is {shown(first)}"
        )
    unique, first, of = np.unique(names, return_index=True, return_inverse=True)
    return Groups(tuple(unique.tolist()), of, cohort.groups()[at][first])


def join_images(p: np.ndarray, groups: Groups, grouping: Grouping, record: ModelRecord) -> np.ndarray:
    """Return what the model says of groups (`tasks.Task`), calibrated as the rule records, from the images' p."""
    task = TASKS[record.task]
    return task.calibrate_groups(task.join(p, groups.of, grouping), record, grouping)


def fit_grouping(cohort: Cohort, p: np.ndarray, grouping: Grouping | None) -> Grouping | None:
    """Return the rule with the calibration of the val split's groups, from its images' calibrated probabilities p."""
    if grouping is None:
        return None
    at, task = cohort.where("val"), TASKS[cohort.task]
    groups = find_groups(cohort, at, grouping.level)
    y = task.join_labels(cohort.y[at], groups.of, grouping, cohort.classes)
    return task.fit_groups(y, task.join(p, groups.of, grouping), groups.owners, grouping)


def require_groups(cohort: Cohort, grouping: Grouping | None) -> None:
    """Raise ValueError, before hours of training, if the images of train and val cannot be joined."""
    for split in ("train", "val") if grouping else ():
        assert grouping is not None
        at = cohort.where(split)
        of = find_groups(cohort, at, grouping.level).of
        try:
            TASKS[cohort.task].join_labels(cohort.y[at], of, grouping, cohort.classes)
        except MixedLabels as error:
            of_one = [at[of == group] for group in error.mixed[:EXAMPLES]]
            raise ValueError(f"{error}. {name_images(cohort, of_one)}") from None


def name_images(cohort: Cohort, groups: list[np.ndarray]) -> str:
    """Return, for each group of places whose labels differ, the first image and the first of another label."""
    pairs = []
    for at in groups:
        other = next(int(i) for i in at if (cohort.y[i] != cohort.y[at[0]]).any())
        pairs.append(" and ".join(shown(cohort.paths[i]) for i in (int(at[0]), other)))
    return f"Labels differ, for instance, between {'; '.join(pairs)}"


def measure_groups(
    cohort: Cohort,
    at: np.ndarray,
    p: np.ndarray,
    record: ModelRecord,
    positive: str | None = None,
    least: float | None = None,
) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """Return (the metrics of groups as plain JSON, their labels (G,), their probabilities (G,C)).

    cohort, at       the images, and which of them are measured
    p                what the model says of them, calibrated
    record           the model's, with the rule in it
    positive, least  as in `evaluate`

    The result holds what the task measures (`tasks.Task.measure_groups`), of groups instead of images, and:

    level, aggregate, finding  the rule; calibrated: what was fitted on how many groups, None if it has no calibration
    images_per_group           {least, median, most}
    incomplete                 {groups, images}: groups that lack images, and how many could not be used
    lost                       groups of which no image could be used; they have no result
    unassigned                 images that could not be read, and whose group is not known
    """
    grouping, classes, task = record.grouping, cohort.classes, TASKS[cohort.task]
    assert grouping is not None
    groups = find_groups(cohort, at, grouping.level)
    joined = join_images(p, groups, grouping, record)
    y = task.join_labels(cohort.y[at], groups.of, grouping, classes)
    sound = finite(joined)
    owners = groups.owners[sound]
    asked = Asked(owners, {}, positive, least, wilson=len(np.unique(owners)) == len(owners))
    found = task.measure_groups(y[sound], joined[sound], record, grouping, asked)
    for name in ("subgroups", "notice"):
        found.pop(name, None)
    sizes = np.bincount(groups.of)
    about = {
        "level": grouping.level,
        "aggregate": grouping.aggregate,
        "finding": None if grouping.finding is None else classes[grouping.finding],
        "calibrated": grouping.describe_fit(),
        "images_per_group": {
            "least": int(sizes.min()),
            "median": float(np.median(sizes)),
            "most": int(sizes.max()),
        },
        **count_lost(cohort, groups, grouping.level, groups.of[~finite(p)], int((~sound).sum())),
    }
    return {**about, **found}, y[sound], joined[sound]


def finite(p: np.ndarray) -> np.ndarray:
    """Return which rows hold finite numbers alone."""
    return np.isfinite(p.reshape(len(p), -1)).all(axis=1)


def count_lost(cohort: Cohort, groups: Groups, level: str, unsound: np.ndarray, empty: int) -> dict[str, Any]:
    """Return incomplete, lost and unassigned (`measure_groups`).

    unsound  the group of each image whose probabilities are not finite; empty: groups of which all are such
    """
    from convnet.data.cohort.folder import NOT_LISTED

    names, everywhere = set(groups.names), set(cohort.members(level))
    left_out = [s.owners.get(level, "") for s in cohort.skipped if s.reason != NOT_LISTED for _ in range(s.images)]
    of_ours = [name for name in left_out if name in names] + [groups.names[g] for g in unsound]
    return {
        "incomplete": {"groups": len(set(of_ours)), "images": len(of_ours)},
        "lost": len({name for name in left_out if name and name not in everywhere}) + empty,
        "unassigned": left_out.count(""),
    }
