"""`convnet learn`: what it asks for and what it prints."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from convnet.output.words import count


def learn(
    folder: Annotated[Path, typer.Argument(help="The folder to put the course in; it is made if it is not there.")],
) -> None:
    """Seven notebooks, the lessons and COURSE.md, into a folder of your own. Files that are there are left alone."""
    from convnet.course.folder import copy_course

    copied = copy_course(folder)
    print(f"{count(len(copied.written), 'file')} written to {folder}", end="")
    print(f", {len(copied.same)} were there already" if copied.same else "")
    for name in copied.kept:
        print(f"  kept yours: {folder / name}")
    jupyter = "" if find_spec("jupyterlab") or find_spec("notebook") else "    pip install jupyterlab\n"
    print(f"Read COURSE.md first, it has the way through. To begin:\n{jupyter}    cd {folder}")
    print("    jupyter lab 01_formula.ipynb")
    print("Without Jupyter: read kernels/conv2d/README.md, then: convnet exercise start sum")
