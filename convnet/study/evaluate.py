"""A model measured on one split of a cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.evaluation.subgroups import SUBGROUPS
from convnet.notice import NOTICE
from convnet.study.answers import read_answers
from convnet.study.groups import measure_groups
from convnet.study.metadata import count_seen, read_classes, read_record
from convnet.study.outputs import predict_outputs
from convnet.study.tasks import TASKS, Asked

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.model import Model


def find_places(cohort: Cohort, split: str) -> np.ndarray:
    """Return the indices of the images of a split; "all" for every image. Raises ValueError if there are none."""
    at = np.arange(len(cohort.y)) if split == "all" else cohort.where(split)
    if not len(at):
        raise ValueError(f"evaluate: the split {split!r} has no images; the data hold {cohort.describe_counts()}")
    return at


def select_images(cohort: Cohort, at: np.ndarray) -> Any:
    """Return these images of a cohort: a copy, or images that stay on disk."""
    return cohort.x[at] if isinstance(cohort.x, np.ndarray) else cohort.x.select(at)


def evaluate(
    model: Model,
    cohort: Cohort,
    split: str = "test",
    positive: str | None = None,
    least: float | None = None,
    outputs: np.ndarray | None = None,
) -> tuple[dict[str, Any], np.ndarray]:
    """Return the metrics of a model on one split, and the calibrated probabilities or values that they are of.

    cohort    its images, prepared as the model was trained on
    split     "train", "val", "test", or "all" for every image
    positive  the class that sensitivity and specificity are of; for two classes
    least     choose the threshold whose sensitivity for `positive` was at least this on validation
    outputs   the model's outputs for these images, if they are known: the model is not run again

    If the model's file joins images (`metadata.ModelRecord.grouping`), `by_group` holds the metrics of groups
    (`groups.measure_groups`), apart from those of images.
    """
    read_classes(model)
    record = read_record(model)
    at = find_places(cohort, split)
    x, y = select_images(cohort, at), cohort.y[at]
    task = TASKS[record.task]
    if positive is not None and record.task != "classes":
        raise ValueError(f"--positive names one of two classes; the model is of --task {record.task}")
    outputs = predict_outputs(model, x) if outputs is None else outputs
    p = read_answers(model, outputs)
    facts = {name: [cohort.fact(name)[i] for i in at] for name in SUBGROUPS}
    found = task.measure(y, p, record, Asked(cohort.groups()[at], facts, positive, least))
    known = {
        "split": split,
        "seen_in_training": count_seen(record, x),
        "patients_known": all(cohort.patients[i] for i in at),
        "temperature": record.temperature,
        **({} if record.task == "classes" else {"task": record.task, "notice": NOTICE}),
    }
    result = {**known, **found}
    if record.grouping is not None:
        result["by_group"], _, _ = measure_groups(cohort, at, p, record, positive, least)
    return result, p
