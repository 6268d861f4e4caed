"""The plots of an evaluation, by what the task measures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.evaluation import plots
from convnet.output.drawing import save
from convnet.study import plots as drawing
from convnet.study.evaluate import find_places
from convnet.study.groups import measure_groups
from convnet.study.metadata import read_record

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.model import Model


def save_figures(
    folder: Path, model: Model, cohort: Cohort, split: str, result: dict[str, Any], p: np.ndarray, place: int | None
) -> None:
    """Write every plot of an evaluation.

    cohort, split  what was measured; result, p: what came of it (`evaluate`)
    place          the positive class's index, if one was named
    """
    at, classes = find_places(cohort, split), cohort.classes
    y = cohort.y[at]
    if "confusion" in result:
        save(drawing.confusion(result), folder / "confusion.png")
    if cohort.task in ("classes", "multilabel"):
        save(drawing.roc(y, p, classes, place), folder / "roc.png")
        save(plots.precision_recall(y, p, classes, place), folder / "precision-recall.png")
    if cohort.task == "regression":
        save(plots.agreement(y, p, result), folder / "agreement.png")
    else:
        save(plots.reliability(result), folder / "reliability.png")
    save(drawing.feature_maps(model, cohort.x[int(at[0])]), folder / "feature-maps.png")
    if "by_group" in result:
        save_group_figures(folder, model, cohort, at, p, place)


def save_group_figures(
    folder: Path, model: Model, cohort: Cohort, at: np.ndarray, p: np.ndarray, place: int | None
) -> None:
    """Write the plots of patients, studies or series."""
    positive = None if place is None else cohort.classes[place]
    of, y, joined = measure_groups(cohort, at, p, read_record(model), positive)
    of, level = {**of, "task": cohort.task}, of["level"]
    if "confusion" in of:
        save(drawing.confusion(of), folder / f"confusion-by-{level}.png")
    if cohort.task in ("classes", "multilabel"):
        save(drawing.roc(y, joined, cohort.classes, place, level), folder / f"roc-by-{level}.png")
    if cohort.task == "regression":
        save(plots.agreement(y, joined, of), folder / f"agreement-by-{level}.png")
    else:
        save(plots.reliability(of), folder / f"reliability-by-{level}.png")
