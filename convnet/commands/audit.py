"""`convnet audit`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convnet.commands.options import (
    Json,
    LabelColumn,
    Labels,
    Limit,
    PathColumn,
    PatientColumn,
    Slices,
    SplitColumn,
    Window,
    Workers,
)
from convnet.commands.output import emit, say
from convnet.commands.preflight import check_file
from convnet.executors import open_executor


def audit(
    folder: Annotated[
        Path, typer.Argument(help="Folder of images, searched recursively; or a .zip, a .tar, a DICOMDIR.")
    ],
    labels: Labels = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures to this file.")] = None,
    json_path: Json = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 2 if there is an error.")] = False,
    path_column: PathColumn = "path",
    label_column: LabelColumn = "label",
    patient_column: PatientColumn = None,
    split_column: SplitColumn = None,
    window: Window = None,
    slices: Slices = "axial",
    limit: Limit = None,
    executor: Workers = None,
) -> None:
    """Find faults in images and labels: copies across splits, odd images, labels that follow the scanner."""
    check_file("--html", html)
    check_file("--json", json_path)
    from convnet.audit import findings, report, shortcuts
    from convnet.audit.reading import read
    from convnet.data.cohort.table import Columns
    from convnet.data.limits import parse_limits
    from convnet.data.preparation import Preparation
    from convnet.output.atomic import write_text
    from convnet.output.progress import reading

    with open_executor(executor) as workers, reading() as on_progress:
        columns = Columns(path_column, label_column, patient_column, split_column)
        columns.require_table(labels)
        preparation = Preparation(window=window, slices=slices)
        collection = read(folder, labels, parse_limits(limit or ()), on_progress, columns, preparation, workers)
    tests = shortcuts.shortcuts(collection.images)
    found = findings.findings(collection, tests)
    result = report.to_json(collection, found, tests)
    emit(result, json_path, report.lines(result))
    if html is not None:
        write_text(html, report.page(collection, result, found))
        say(f"wrote {html}")
    if strict and any(f.level == "error" for f in found):
        raise typer.Exit(2)
