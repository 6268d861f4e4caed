"""`convnet demo`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convnet.commands.options import Seed


def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write to; it must not exist or be empty.",
            show_default="convnet-demo, or convnet-digits with --digits",
        ),
    ] = None,
    digits: Annotated[bool, typer.Option("--digits", help="Train a small network on handwritten digits.")] = False,
    seed: Seed = 0,
) -> None:
    """Run a whole study on simulated CT: train, evaluate, diagnose, and compare with the ideal observer."""
    out = out or Path("convnet-digits" if digits else "convnet-demo")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists and is not empty: choose another folder with --out, or remove it")
    out.mkdir(parents=True, exist_ok=True)
    from convnet import demo as demonstration

    if digits:
        demonstration.run_digits(out, print, seed)
    else:
        demonstration.run(out, print, seed)
