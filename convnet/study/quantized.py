"""A model in 8 bits beside the model it was made from: calibration images, training domain, and metrics of both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.evaluation import paired
from convnet.notice import NOTICE
from convnet.study import training_domain
from convnet.study.answers import read_answers
from convnet.study.evaluate import find_places, select_images
from convnet.study.features import extract
from convnet.study.metadata import read_classes, read_record
from convnet.study.outputs import predict_outputs
from convnet.study.tasks import TASKS

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.model import Model


def calibration_images(cohort: Cohort, most: int) -> np.ndarray:
    """Return up to so many training images, spread evenly over the split."""
    at = find_places(cohort, "train")
    chosen = at[np.linspace(0, len(at) - 1, min(most, len(at))).round().astype(int)]
    return np.asarray(select_images(cohort, chosen)[:])


def learn_domain(model: Model, cohort: Cohort) -> None:
    """Learn the training domain of a quantized model again: its layers find other numbers than those in float32 did."""
    train, val = (extract(model, select_images(cohort, find_places(cohort, s))) for s in ("train", "val"))
    quantization = model.metadata["quantization"]
    model.metadata = replace(read_record(model), scope=training_domain.learn(cohort, train, val)).to_plain()
    model.metadata["quantization"] = quantization


def compare(before: Model, after: Model, cohort: Cohort) -> dict[str, Any]:
    """Return the metrics of both models on the test split and their differences, with intervals.

    `paired.paired` for classes, `paired.differences` for the other tasks; same_class: the share of images with the same
    most probable class, None for the other tasks.
    """
    at = find_places(cohort, "test")
    x, y, groups = select_images(cohort, at), cohort.y[at], cohort.groups()[at]
    record, classes = read_record(after), read_classes(after)
    outputs = [predict_outputs(model, x) for model in (before, after)]
    a, b = (read_answers(model, found) for model, found in zip((before, after), outputs, strict=True))
    if record.task in ("classes", "multilabel"):
        found = paired.paired(y, a, b, classes, groups)
    else:
        task = TASKS[record.task]
        found = paired.differences(task.overall(y, a, classes), task.overall(y, b, classes), groups, len(y))
    same = float(np.mean(a.argmax(axis=1) == b.argmax(axis=1))) if record.task == "classes" else None
    largest = float(np.abs(outputs[0] - outputs[1]).max())
    return {**found, "task": record.task, "same_class": same, "largest_difference": largest, "notice": NOTICE}


def describe(result: dict[str, Any]) -> list[str]:
    """Return the comparison as text: the first model is the one in float32, the second the one in 8 bits."""
    lines = ["test split; the first model is in float32, the second in 8 bits", *paired.lines(result)]
    if result["same_class"] is not None:
        lines.append(f"the same class for {result['same_class']:.1%} of the images")
    lines.append(f"outputs differ by at most {result['largest_difference']:.4f}")
    if "bytes" in result:
        small, large = result["bytes"]["after"], result["bytes"]["before"]
        lines.append(f"file: {large:,} -> {small:,} bytes, {small / large:.2f} of it")
    return [*lines, result["notice"]]
