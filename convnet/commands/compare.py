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
    """Compare two models of one task on the same images: metrics, differences, DeLong's test of the AUCs."""
    check_file("--json", json_path)
    from convnet.evaluation import paired
    from convnet.model import load
    from convnet.notice import NOTICE
    from convnet.study.answers import read_answers
    from convnet.study.evaluate import find_places, select_images
    from convnet.study.metadata import read_classes, read_preparation, read_record
    from convnet.study.outputs import predict_outputs
    from convnet.study.tasks import TASKS

    models = [load(first), load(second)]
    tasks = [read_record(m).task for m in models]
    if tasks[0] != tasks[1]:
        raise ValueError(f"compare: the models have different tasks: {tasks[0]} and {tasks[1]}")
    classes, others = (read_classes(m) for m in models)
    if set(classes) != set(others):
        raise ValueError(f"compare: the models have different classes: {', '.join(classes)} and {', '.join(others)}")
    found: list[Any] = []
    for model in models:
        data = load_cohort(source, read_preparation(model), classes, tasks[0])
        at = find_places(data, split.value)
        p = read_answers(model, predict_outputs(model, select_images(data, at)))
        found.append(([(data.paths[i], int(data.frames[i])) for i in at], reorder(p, read_classes(model), classes)))
    (images, a), (again, b) = found
    if images != again:
        raise ValueError("compare: the two models' pixel pipelines read different images of the data")
    y, groups = data.y[at], data.groups()[at]
    if tasks[0] in ("classes", "multilabel"):
        compared = paired.paired(y, a, b, classes, groups)
    else:
        one, two = (TASKS[tasks[0]].overall(y, p, classes) for p in (a, b))
        compared = paired.differences(one, two, groups, len(y))
    result = {**compared, "task": tasks[0], "split": split.value, "notice": NOTICE}
    emit(result, json_path, [*paired.lines(result), NOTICE])


def reorder(p: Any, own: tuple[str, ...], classes: tuple[str, ...]) -> Any:
    """Return one model's answers with the other's order of the classes; grades and values have one order."""
    if own == classes:
        return p
    return p[:, [own.index(c) for c in classes]]
