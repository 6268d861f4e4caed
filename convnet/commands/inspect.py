"""`convnet inspect`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convnet.commands.options import Aspect, Colour, Limit, Size, Square, Window
from convnet.commands.output import printable
from convnet.commands.preflight import check_file


def inspect(
    file: Annotated[Path, typer.Argument(help="A DICOM file.")],
    size: Size = 28,
    aspect: Square = Aspect.pad,
    window: Window = None,
    colour: Colour = False,
    frame: Annotated[int, typer.Option(min=0, help="Which frame of a multi-frame file.")] = 0,
    picture: Annotated[Path | None, typer.Option(help="PNG of every step.")] = None,
    phi: Annotated[
        bool, typer.Option("--phi", help="Only list the elements that may identify the patient, without their values.")
    ] = False,
    limit: Limit = None,
) -> None:
    """What a file is, and what the pixel pipeline does to it, step by step."""
    check_file("--picture", picture)
    from convnet.data.limits import parse_limits
    from convnet.data.preparation import Preparation
    from convnet.data.privacy.phi import told
    from convnet.data.reading import readers as reading
    from convnet.data.reading import tasks
    from convnet.output.drawing import save
    from convnet.study.figures import pipeline_steps

    if phi:
        with reading.Readers(parse_limits(limit or ()), workers=1) as readers:
            print(printable("\n".join(told(*readers.read(tasks.identifying, file)))))
        return
    with reading.Readers(parse_limits(limit or ()), workers=1) as readers:
        for name, value in reading.describe(readers, file).items():
            print(printable(f"{name:>20}: {value}"))
        steps = reading.steps(readers, file, Preparation(size, aspect.value, window, 3 if colour else 1), frame)
    for number, step in enumerate(steps, 1):
        a = step.array
        print(printable(f"{number}. {step.name}: {step.what}"))
        print(f"   {'x'.join(map(str, a.shape))} {a.dtype}, from {a.min():.6g} to {a.max():.6g}")
    if picture is not None:
        save(pipeline_steps(steps), picture)
        print(f"wrote {picture}")
