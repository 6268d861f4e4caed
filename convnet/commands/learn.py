"""`convnet learn`: what it asks for and what it prints."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from convnet.output.words import count


def learn(
    folder: Annotated[Path, typer.Argument(help="The folder to put the course in; it is made if it is not there.")],
    teacher: Annotated[
        bool, typer.Option("--teacher", help="Add notes with all answers, solutions, slides, a quiz and its key.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the quiz's numbers: another seed, another version.")] = 0,
    repository: Annotated[
        str | None, typer.Option(help="Where the course will be on GitHub: adds files for Binder and Colab.")
    ] = None,
) -> None:
    """Seven notebooks, the lessons and COURSE.md, into a folder of your own. Files that are there are left alone."""
    if not teacher and (repository is not None or seed):
        raise ValueError(f"{'--repository' if repository is not None else '--seed'} goes with --teacher")
    from convnet.course.folder import copy_course

    copied = copy_course(folder, _kit(seed, repository) if teacher else ())
    print(f"{count(len(copied.written), 'file')} written to {folder}", end="")
    print(f", {len(copied.same)} were there already" if copied.same else "")
    for name in copied.kept:
        print(f"  kept yours: {folder / name}")
    if teacher:
        _say_what_the_teacher_does(folder, repository)
        return
    jupyter = "" if find_spec("jupyterlab") or find_spec("notebook") else "    pip install jupyterlab\n"
    print(f"Read COURSE.md first, it has the way through. To begin:\n{jupyter}    cd {folder}")
    print("    jupyter lab 01_formula.ipynb")
    print("Without Jupyter: read kernels/conv2d/README.md, then: convnet exercise start sum")


def _kit(seed: int, repository: str | None) -> Iterable[tuple[str, bytes]]:
    from convnet.course.teacher import kit

    files = kit.files(seed, repository, pdf=find_spec("reportlab") is not None)
    print("Drawing slides and computing the quiz's key; this takes a minute.")
    return files


def _say_what_the_teacher_does(folder: Path, repository: str | None) -> None:
    from convnet.course.teacher.paper import INSTALL

    if find_spec("reportlab") is None:
        print(f"No PDF files: they need ReportLab. {INSTALL}, then the same command again adds them.")
    print(f"Read {folder / 'teacher' / 'TEACHER.md'} first. Students get {folder} without its folder teacher.")
    if repository is not None:
        print(f"Before you push it: python -m pip wheel --no-deps --wheel-dir {folder} PATH-OF-THE-CHECKOUT")
