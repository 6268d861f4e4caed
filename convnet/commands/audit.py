"""`convnet audit`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convnet.commands.options import Json, Limit
from convnet.commands.output import emit, say
from convnet.commands.preflight import check_file


def audit(
    folder: Annotated[Path, typer.Argument(help="Folder of DICOM files, searched recursively.")],
    labels: Annotated[Path, typer.Option(help="Table (CSV) with columns path,label and optional patient,split.")],
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures to this file.")] = None,
    json_path: Json = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 2 where there is an error.")] = False,
    limit: Limit = None,
) -> None:
    """What is wrong with images and labels: copies across splits, odd images, labels that follow the scanner."""
    check_file("--html", html)
    check_file("--json", json_path)
    from convnet.audit import findings, report, shortcuts
    from convnet.audit.reading import read
    from convnet.data.limits import parse_limits
    from convnet.output.atomic import write_atomically
    from convnet.output.progress import reading

    with reading() as on_progress:
        collection = read(folder, labels, parse_limits(limit or ()), on_progress)
    tests = shortcuts.shortcuts(collection.images)
    found = findings.findings(collection, tests)
    result = report.to_json(collection, found, tests)
    emit(result, json_path, report.lines(result))
    if html is not None:
        write_atomically(html, report.page(collection, result, found).encode())
        say(f"wrote {html}")
    if strict and any(f.level == "error" for f in found):
        raise typer.Exit(2)
