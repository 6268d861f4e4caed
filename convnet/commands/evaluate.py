"""`convnet evaluate`: what it asks for and what it prints."""

from __future__ import annotations

from typing import Annotated

import typer

from convnet.commands.cohort import Source, expand_options, load_cohort
from convnet.commands.options import Aggregate, Figures, Finding, Group, Json, Model, Split, SplitName
from convnet.commands.output import emit, say
from convnet.commands.preflight import check_file, check_folder


@expand_options
def evaluate(
    model: Model,
    source: Source,
    split: Split = SplitName.test,
    positive: Annotated[
        str | None, typer.Option(help="The class that sensitivity and specificity are of (two classes).")
    ] = None,
    sensitivity: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Use the threshold that reached this for --positive on validation."),
    ] = None,
    json_path: Json = None,
    figures: Figures = None,
    group: Group = None,
    aggregate: Aggregate = None,
    finding: Finding = None,
) -> None:
    """Measure a model on one split: metrics with intervals by patient, calibration, subgroups."""
    check_file("--json", json_path)
    check_folder(figures)
    from convnet.evaluation import metrics, plots
    from convnet.model import load
    from convnet.output.drawing import save
    from convnet.study import plots as drawing
    from convnet.study.evaluate import evaluate as measure
    from convnet.study.evaluate import find_places
    from convnet.study.groups import measure_groups, override_grouping
    from convnet.study.metadata import read_classes, read_preparation, read_record

    trained = load(model)
    classes = read_classes(trained)
    override_grouping(trained, group, aggregate, finding)
    place = None if positive is None else metrics.positive_index(classes, positive)
    data = load_cohort(source, read_preparation(trained), classes)
    result, p = measure(trained, data, split.value, positive, sensitivity)
    result["skipped"] = [{"path": str(s.path), "reason": s.reason} for s in data.skipped]
    if split in ("test", "all") and result["seen_in_training"]:
        say(
            f"WARNING: {result['seen_in_training']} of {result['n']} images are, pixel for pixel, among those that the "
            "model was trained or chosen on: these metrics flatter it. (Without a split column the images are split "
            "again whenever the table's rows or files change: add the column.)"
        )
    emit(result, json_path, metrics.lines(result))
    if figures is not None and "by_group" in result:
        grouping, at = read_record(trained).grouping, find_places(data, split.value)
        assert grouping is not None
        of, y_groups, p_groups = measure_groups(data, at, p, grouping, positive, sensitivity)
        level = of["level"]
        save(drawing.confusion(of), figures / f"confusion-by-{level}.png")
        save(drawing.roc(y_groups, p_groups, classes, place, level), figures / f"roc-by-{level}.png")
        save(plots.reliability(of), figures / f"reliability-by-{level}.png")
    if figures is not None:
        x, y = (data.x, data.y) if split == "all" else data.split(split.value)
        save(drawing.confusion(result), figures / "confusion.png")
        save(drawing.roc(y, p, classes, place), figures / "roc.png")
        save(plots.precision_recall(y, p, classes, place), figures / "precision-recall.png")
        save(plots.reliability(result), figures / "reliability.png")
        save(drawing.feature_maps(trained, x[0]), figures / "feature-maps.png")
