"""`convnet diagnose`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convnet.commands.options import Json, Limit, Strict
from convnet.commands.output import emit, say
from convnet.preflight import check_file


def diagnose(
    model: Annotated[Path, typer.Argument(help="A model file.")],
    files: Annotated[list[Path], typer.Argument(help="DICOM files.")],
    json_path: Json = None,
    strict: Strict = False,
    limit: Limit = None,
) -> None:
    """Probabilities for each image. For research and teaching. Not for clinical use."""
    check_file("--json", json_path)
    from convnet.data.limits import changed
    from convnet.diagnose import diagnose as run
    from convnet.diagnose import lines
    from convnet.weights import load

    if folders := [str(f) for f in files if f.is_dir()]:
        raise ValueError(f"{folders[0]} is a folder: give its files, for instance {folders[0]}/*.dcm")
    result = run(load(model), files, changed(limit or ()))
    for entry in result["failed"]:
        say(f"convnet: {entry['reason']}")
    emit(result, json_path, [*lines(result), result["notice"]])
    if result["failed"] and (strict or not result["images"]):
        raise typer.Exit(2)
