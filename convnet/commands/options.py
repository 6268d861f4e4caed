"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Aspect(StrEnum):
    pad = "pad"
    crop = "crop"
    stretch = "stretch"


class SplitName(StrEnum):
    train = "train"
    val = "val"
    test = "test"
    all = "all"


Model = Annotated[Path, typer.Argument(help="A model file.")]
Split = Annotated[SplitName, typer.Option(help="The images of one split, or all.")]
Size = Annotated[
    int, typer.Option(min=1, max=2048, help="Images become SIZE x SIZE pixels, ECG SIZE samples at 100 Hz.")
]
Square = Annotated[Aspect, typer.Option(help="How an oblong image becomes square.")]
Labels = Annotated[Path | None, typer.Option(help="Table (CSV) with columns path,label and optional patient,split.")]
Npz = Annotated[Path | None, typer.Option(help="A MedMNIST .npz file instead of a folder.")]
Folder = Annotated[Path | None, typer.Argument(help="Folder of DICOM files, searched recursively.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the result as JSON to this file; - is the screen.")]
Figures = Annotated[Path | None, typer.Option(help="Folder for PNG figures.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first file that cannot be read.")]
Limit = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=VALUE",
        help="What one file may cost: file, inflated, values, frames, seconds, memory or arrays. May be repeated.",
    ),
]
Cache = Annotated[bool, typer.Option(help="Keep decoded images on disk, in your cache folder, for the next run.")]
Seed = Annotated[int, typer.Option(min=0, help="Start of all random numbers.")]
Colour = Annotated[
    bool, typer.Option("--colour", "--color", help="Keep colours; else all images are read as grey (luminance).")
]
Window = Annotated[
    tuple[float, float] | None, typer.Option(metavar="CENTRE WIDTH", help="Grey-level window (HU for CT).")
]
