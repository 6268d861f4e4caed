"""`convnet compare`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from convnet.commands.cohort import Source, expand_options, load_cohort
from convnet.commands.options import Json, Model, Split, SplitName
from convnet.commands.output import emit
from convnet.commands.preflight import check_file


@expand_options
def compare(
    first: Model,
    second: Annotated[Path, typer.Argument(help="Another model file for the same classes.")],
    source: Source,
    split: Split = SplitName.test,
    json_path: Json = None,
) -> None:
    """Compare two models on the same images: metrics, differences with intervals, DeLong's test of the AUCs."""
    check_file("--json", json_path)
    from convnet.evaluation import paired
    from convnet.model import load
    from convnet.notice import NOTICE
    from convnet.study.answers import read_answers
    from convnet.study.evaluate import find_places, select_images
    from convnet.study.metadata import read_classes, read_preparation, read_record
    from convnet.study.outputs import predict_outputs

    models = [load(first), load(second)]
    if {read_record(m).task for m in models} != {"classes"}:
        raise ValueError("compare: models of --task classes are compared; evaluate others one by one")
    classes, others = (read_classes(m) for m in models)
    if set(classes) != set(others):
        raise ValueError(f"compare: the models have different classes: {', '.join(classes)} and {', '.join(others)}")
    found: list[Any] = []
    for model in models:
        preparation = read_preparation(model)
        own = read_classes(model)
        data = load_cohort(source, preparation, own, "classes")
        at = find_places(data, split.value)
        p = read_answers(model, predict_outputs(model, select_images(data, at)))
        found.append(([(data.paths[i], int(data.frames[i])) for i in at], p[:, [own.index(c) for c in classes]]))
    (images, a), (again, b) = found
    if images != again:
        raise ValueError("compare: the two models' pixel pipelines read different images of the data")
    y = reorder_labels(data, at, own, classes)
    result = {**paired.paired(y, a, b, classes, data.groups()[at]), "split": split.value, "notice": NOTICE}
    emit(result, json_path, [*paired.lines(result), NOTICE])


def reorder_labels(data: Any, at: Any, own: tuple[str, ...], classes: tuple[str, ...]) -> Any:
    """Return the labels in the first model's order of the classes."""
    import numpy as np

    return np.array([classes.index(own[c]) for c in data.y[at]])
