"""`convnet inspect`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convnet.commands.options import Aspect, Colour, Frame, Limit, Size, Slices, Square, Window
from convnet.commands.output import printable
from convnet.commands.preflight import check_file


def inspect(
    file: Annotated[Path, typer.Argument(help="A DICOM file, a picture or a volume.")],
    size: Size = 28,
    aspect: Square = Aspect.pad,
    window: Window = None,
    colour: Colour = False,
    slices: Slices = "axial",
    frame: Frame = None,
    picture: Annotated[Path | None, typer.Option(help="PNG of every step.")] = None,
    phi: Annotated[
        bool, typer.Option("--phi", help="Only list the elements that may identify the patient, without their values.")
    ] = False,
    limit: Limit = None,
) -> None:
    """Show what a file is, and what the pixel pipeline does to it, step by step."""
    check_file("--picture", picture)
    from convnet.data.limits import parse_limits
    from convnet.data.preparation import Preparation
    from convnet.data.privacy.phi import told
    from convnet.data.reading import readers as reading
    from convnet.data.reading import tasks
    from convnet.output.drawing import save
    from convnet.study.plots import pipeline_steps

    if phi:
        with reading.Readers(parse_limits(limit or ()), workers=1) as readers:
            print(printable("\n".join(told(*readers.read(tasks.identifying, file)))))
        return
    with reading.Readers(parse_limits(limit or ()), workers=1) as readers:
        for name, value in reading.describe(readers, file).items():
            print(printable(f"{name:>20}: {value}"))
        preparation = Preparation(size, aspect.value, window, 3 if colour else 1, slices)
        steps = reading.steps(readers, file, preparation, frame)
    for number, step in enumerate(steps, 1):
        a = step.array
        print(printable(f"{number}. {step.name}: {step.what}"))
        print(f"   {'x'.join(map(str, a.shape))} {a.dtype}, from {a.min():.6g} to {a.max():.6g}")
    if steps[-1].array.min() == steps[-1].array.max():
        print(f"This image is constant ({steps[-1].array.max():.6g} everywhere): the network sees nothing in it.")
    if picture is not None:
        save(pipeline_steps(steps), picture)
        print(f"wrote {picture}")
