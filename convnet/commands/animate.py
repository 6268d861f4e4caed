"""`convnet animate`: what it asks for and what it prints."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from convnet.commands.preflight import check_file


class Pass(StrEnum):
    """Which of convolution's passes."""

    forward = "forward"
    backward_data = "backward_data"
    backward_weights = "backward_weights"


def animate(
    which: Annotated[Pass, typer.Argument(help="y, dx or dk.", metavar="forward|backward_data|backward_weights")],
    out: Annotated[Path, typer.Option(help="The file to write: .svg for pages, .gif for slides.")] = Path("conv.svg"),
    size: Annotated[str, typer.Option(help="The image: 5, or rows x columns, 5x7.")] = "5",
    kernel: Annotated[str, typer.Option(help="The kernel, likewise.")] = "3",
    stride: Annotated[str, typer.Option(help="Pixels between windows.")] = "1",
    padding: Annotated[str, typer.Option(help="Zeros around the image: a number, valid or same.")] = "0",
    dilation: Annotated[str, typer.Option(help="Pixels between the kernel's numbers.")] = "1",
) -> None:
    """The arithmetic of a convolution as a moving picture: every product of every number."""
    check_file("--out", out)
    from convnet.explain.animation.animate import animate as made

    numbers = {"size": size, "kernel": kernel, "stride": stride, "dilation": dilation}
    pairs = {name: _pair(name, text) for name, text in numbers.items()}
    pad = padding if padding in ("valid", "same") else _pair("padding", padding)[0]
    animation = made(which.value, padding=pad, **pairs)
    animation.save(out)
    print(f"wrote {out}: {animation.title}")


def _pair(option: str, text: str) -> tuple[int, int]:
    """ "5" or "5x7"."""
    found = re.fullmatch(r"(\d{1,4})(?:x(\d{1,4}))?", text)
    if not found:
        raise ValueError(f"--{option} must be a number or two, like 5 or 5x7, got {text!r}")
    return int(found[1]), int(found[2] or found[1])
