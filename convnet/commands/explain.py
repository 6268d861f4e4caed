"""`convnet explain`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from convnet.commands.options import Frame, Limit, Model
from convnet.commands.preflight import check_file


def explain(
    model: Model,
    image: Annotated[
        Path, typer.Argument(help="A DICOM file, a picture, a volume, a .npy array or a MedMNIST .npz file.")
    ],
    html: Annotated[Path, typer.Option(help="The page to write.")] = Path("lesson.html"),
    label: Annotated[str | None, typer.Option(help="The true class, by name or number.")] = None,
    pick: Annotated[
        str | None, typer.Option(metavar="SPLIT[N]", help="Which image of an .npz: test[0] at first.")
    ] = None,
    frame: Frame = None,
    record: Annotated[Path | None, typer.Option(help="What `convnet train --record` kept, for the film of it.")] = None,
    training: Annotated[
        bool, typer.Option("--training", help="As in a training step: dropout's mask, this image's statistics.")
    ] = False,
    limit: Limit = None,
) -> None:
    """Write a page, for any browser, that shows the network forward and backward on one image, sum by sum."""
    check_file("--html", html)
    from convnet.callbacks import Recorder
    from convnet.data.limits import parse_limits
    from convnet.explain import lesson
    from convnet.explain.lessons.image import read
    from convnet.model import load

    network = load(model)
    recorder = None if record is None else Recorder.load(record)
    array, own = read(network, image, pick, frame, parse_limits(limit or ()))
    if (task := network.metadata.get("task", "classes")) != "classes":
        raise ValueError(f"explain: the lesson is about one class an image; {model} is of --task {task}")
    page = lesson(
        network,
        array,
        _number(label) if label is not None else own if own in _names(network) else None,
        training=training,
        recorder=recorder,
        title=f"{network.name} on {image.name}{f', {pick}' if pick else ''}",
    )
    page.save(html)
    print(f"wrote {html} ({len(page.html.encode()) / 1e6:.1f} MB): open it in a browser")
    for note in page.notes:
        print(f"left out to keep it small: {note}")
    print(page.document["notice"])


def _names(network: Any) -> list[str]:
    return [str(c) for c in network.metadata.get("classes", ())]


def _number(label: str) -> int | str:
    """Return a label as a number if it is one: a class may be given by its number."""
    return int(label) if label.isdecimal() else label
