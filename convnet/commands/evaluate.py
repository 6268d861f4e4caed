"""`convnet evaluate`: what it asks for and what it prints."""

from __future__ import annotations

from typing import Annotated

import typer

from convnet.commands.cohort import Source, expand_options, load_cohort
from convnet.commands.options import Aggregate, Figures, Finding, Group, Json, Model, Report, Split, SplitName
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
    report: Report = None,
    group: Group = None,
    aggregate: Aggregate = None,
    finding: Finding = None,
) -> None:
    """Measure a model on one split: metrics with intervals by patient, calibration, subgroups."""
    check_file("--json", json_path)
    check_file("--report", report)
    check_folder(figures)
    from convnet.diagnosis.examples import Measured
    from convnet.diagnosis.run_report import page
    from convnet.evaluation import metrics
    from convnet.model import load
    from convnet.output.atomic import write_text
    from convnet.study.evaluate import evaluate as measure
    from convnet.study.figures import save_figures
    from convnet.study.groups import override_grouping
    from convnet.study.metadata import read_classes, read_preparation, read_record
    from convnet.study.tasks import TASKS

    trained = load(model)
    classes = read_classes(trained)
    override_grouping(trained, group, aggregate, finding)
    place = None if positive is None else metrics.positive_index(classes, positive)
    task = TASKS[read_record(trained).task]
    data = load_cohort(source, read_preparation(trained), classes, task.name)
    result, p = measure(trained, data, split.value, positive, sensitivity)
    result["skipped"] = [{"path": str(s.path), "reason": s.reason} for s in data.skipped]
    if split in ("test", "all") and result["seen_in_training"]:
        say(
            f"WARNING: {result['seen_in_training']} of {result['n']} images are, pixel for pixel, among those that the "
            "model was trained or chosen on: these metrics flatter it. (Without a split column the images are split "
            "again whenever the table's rows or files change: add the column.)"
        )
    if report is not None:
        write_text(report, page(Measured(trained, data, split.value, result, p)))
        say(f"wrote {report}")
    emit(result, json_path, task.lines(result))
    if figures is not None:
        save_figures(figures, trained, data, split.value, result, p, place)
