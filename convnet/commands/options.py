"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Aspect(StrEnum):
    """How an oblong image becomes square."""

    pad = "pad"
    crop = "crop"
    stretch = "stretch"


class SplitName(StrEnum):
    """A split, or every image."""

    train = "train"
    val = "val"
    test = "test"
    all = "all"


class GroupName(StrEnum):
    """What images are joined by."""

    none = "none"
    patient = "patient"
    study = "study"
    series = "series"


Model = Annotated[Path, typer.Argument(help="A model file.")]
Group = Annotated[
    GroupName | None,
    typer.Option(help="Join the images of a patient, study or series, or none. Default: as the model file says."),
]
Aggregate = Annotated[
    str | None, typer.Option(help="How: mean-log-odds, max, or top-K. A rule not the model's own is not calibrated.")
]
Finding = Annotated[str | None, typer.Option(help="For max and top-K: the class of which one image is enough.")]
Split = Annotated[SplitName, typer.Option(help="Which split to use, or all images.")]
Size = Annotated[
    int, typer.Option(min=1, max=2048, help="Images become SIZE x SIZE pixels, ECG SIZE samples at 100 Hz.")
]
Square = Annotated[Aspect, typer.Option(help="How an oblong image becomes square.")]
Labels = Annotated[Path | None, typer.Option(help="Table (CSV or .xlsx): path,label and optional patient,split.")]
Npz = Annotated[Path | None, typer.Option(help="A MedMNIST .npz file instead of a folder.")]
Folder = Annotated[
    Path | None, typer.Argument(help="Folder of images, searched recursively; or a .zip, a .tar, a DICOMDIR.")
]
Json = Annotated[
    Path | None, typer.Option("--json", help="Write the result as JSON to this file; - writes it to the terminal.")
]
Figures = Annotated[Path | None, typer.Option(help="Folder for plots (PNG).")]
Report = Annotated[
    Path | None, typer.Option(help="One page of the run: data, training, figures, examples with overlays (.html).")
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first file that cannot be read.")]
Limit = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=VALUE",
        help="What one file may cost: file, inflated, values, frames, seconds, memory, arrays, unpacked or members. "
        "May be repeated.",
    ),
]
PathColumn = Annotated[str, typer.Option(help="What the table's column of paths is called.")]
LabelColumn = Annotated[str, typer.Option(help="What its column of labels is called.")]
PatientColumn = Annotated[
    str | None, typer.Option(help="What its column of patients is called; 'patient' where there is one.")
]
SplitColumn = Annotated[
    str | None, typer.Option(help="What its column of splits is called; 'split' where there is one.")
]
Cache = Annotated[bool, typer.Option(help="Keep decoded images on disk, in your cache folder, for the next run.")]
Workers = Annotated[
    str | None,
    typer.Option("--executor", metavar="WHERE", help="Who does the work: local:N, dask:tcp://HOST:PORT, mpi or ray."),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
Colour = Annotated[
    bool, typer.Option("--colour", "--color", help="Keep colours; otherwise all images are read as grey (luminance).")
]
Frame = Annotated[
    int | None,
    typer.Option(
        min=0, show_default="the first; of a volume the middle slice", help="Which frame or slice of a file of several."
    ),
]
Slices = Annotated[
    str,
    typer.Option(
        metavar="PLANE[:N]",
        help="Slices of a NIfTI, NRRD or MHA file: axial, coronal or sagittal; N spread evenly, 1 the middle one.",
    ),
]
Window = Annotated[
    tuple[float, float] | None, typer.Option(metavar="CENTRE WIDTH", help="Grey-level window (HU for CT).")
]
