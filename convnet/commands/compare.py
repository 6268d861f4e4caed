"""`convnet compare`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from convnet.commands.cohort import load_cohort
from convnet.commands.options import Cache, Folder, Json, Labels, Limit, Model, Npz, Split, SplitName, Strict
from convnet.commands.output import emit
from convnet.commands.preflight import check_file


def compare(
    first: Model,
    second: Annotated[Path, typer.Argument(help="Another model file for the same classes.")],
    folder: Folder = None,
    labels: Labels = None,
    npz: Npz = None,
    split: Split = SplitName.test,
    json_path: Json = None,
    strict: Strict = False,
    limit: Limit = None,
    cache: Cache = True,
) -> None:
    """Two models on the same images: figures, their differences with intervals, and DeLong's test of the AUCs."""
    check_file("--json", json_path)
    from convnet.evaluation import paired
    from convnet.model import load
    from convnet.notice import NOTICE
    from convnet.study import study

    models = [load(first), load(second)]
    classes, others = (study.classes_of(m) for m in models)
    if set(classes) != set(others):
        raise ValueError(f"compare: the models know other classes: {', '.join(classes)} and {', '.join(others)}")
    found: list[Any] = []
    for model in models:
        pipeline = study.pipeline_of(model)
        own = study.classes_of(model)
        data = load_cohort(folder, labels, npz, strict, pipeline, own, limit, cache)
        at = study.places(data, split.value)
        p = study.calibrated(model, study.probabilities(model, study.taken(data, at)))
        found.append(([(data.paths[i], int(data.frames[i])) for i in at], p[:, [own.index(c) for c in classes]]))
    (images, a), (again, b) = found
    if images != again:
        raise ValueError("compare: the two models' pixel pipelines read different images of the data")
    y = np_labels(data, at, own, classes)
    result = {**paired.paired(y, a, b, classes, data.groups()[at]), "split": split.value, "notice": NOTICE}
    emit(result, json_path, [*paired.lines(result), NOTICE])


def np_labels(data: Any, at: Any, own: tuple[str, ...], classes: tuple[str, ...]) -> Any:
    """The labels in the first model's order of the classes."""
    import numpy as np

    return np.array([classes.index(own[c]) for c in data.y[at]])
