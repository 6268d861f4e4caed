"""`convnet evaluate`: what it asks for and what it prints."""

from __future__ import annotations

from typing import Annotated

import typer

from convnet.commands.cohort import load_cohort
from convnet.commands.options import Cache, Figures, Folder, Json, Labels, Limit, Model, Npz, Split, SplitName, Strict
from convnet.commands.output import emit, say
from convnet.commands.preflight import check_file, check_folder


def evaluate(
    model: Model,
    folder: Folder = None,
    labels: Labels = None,
    npz: Npz = None,
    split: Split = SplitName.test,
    positive: Annotated[str | None, typer.Option(help="The class that sensitivity speaks of (two classes).")] = None,
    sensitivity: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Operating point: reached on validation for --positive."),
    ] = None,
    json_path: Json = None,
    figures: Figures = None,
    strict: Strict = False,
    limit: Limit = None,
    cache: Cache = True,
) -> None:
    """Figures of a model on one split, with intervals by patient, calibration and subgroups."""
    check_file("--json", json_path)
    check_folder(figures)
    from convnet.evaluation import metrics, plots
    from convnet.model import load
    from convnet.study import figures as drawing
    from convnet.study import study

    trained = load(model)
    classes = study.classes_of(trained)
    place = None if positive is None else metrics.positive_index(classes, positive)
    data = load_cohort(folder, labels, npz, strict, study.pipeline_of(trained), classes, limit, cache)
    result, p = study.evaluate(trained, data, split.value, positive, sensitivity)
    result["skipped"] = [{"path": str(s.path), "reason": s.reason} for s in data.skipped]
    if split in ("test", "all") and result["seen_in_training"]:
        say(
            f"WARNING: {result['seen_in_training']} of {result['n']} images stand, pixel for pixel, in the data that "
            "the model was trained or chosen on: these figures flatter it. (A table without a split column is dealt "
            "anew whenever its rows or files change: add one.)"
        )
    emit(result, json_path, metrics.lines(result))
    if figures is not None:
        x, y = (data.x, data.y) if split == "all" else data.split(split.value)
        drawing.save(drawing.confusion(result), figures / "confusion.png")
        drawing.save(drawing.roc(y, p, classes, place), figures / "roc.png")
        drawing.save(plots.precision_recall(y, p, classes, place), figures / "precision-recall.png")
        drawing.save(plots.reliability(result), figures / "reliability.png")
        drawing.save(drawing.feature_maps(trained, x[0]), figures / "feature-maps.png")
