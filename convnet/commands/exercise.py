"""`convnet exercise list|start|check`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convnet.commands.preflight import check_file

app = typer.Typer(no_args_is_help=True, help="Write the kernels yourself, and have them checked or graded.")
Name = Annotated[str, typer.Argument(help="The exercise's name or number, as in `convnet exercise list`.")]
File = Annotated[Path | None, typer.Argument(help="The file to write in; NAME.py in this folder if none is given.")]


@app.command("list")
def listing() -> None:
    """List the exercises, in the order of the course; the last five go further."""
    from convnet.exercises.catalogue import EXERCISES

    for number, exercise in enumerate(EXERCISES, 1):
        print(f"{number}  {exercise.name:<18}{exercise.title}")
    print("\nconvnet exercise start sum, write what sum.py asks for, convnet exercise check sum")


@app.command()
def start(name: Name, file: File = None) -> None:
    """Put an exercise's file here: the task, hints, and the function to complete."""
    from convnet.exercises import write_start
    from convnet.exercises.catalogue import find

    exercise = find(name)
    path = file or Path(f"{exercise.name}.py")
    check_file("FILE", path)
    write_start(exercise, path)
    print(f"wrote {path}; when it is done: convnet exercise check {exercise.name}{f' {path}' if file else ''}")


@app.command()
def check(name: Name, file: File = None) -> None:
    """Is it right? If not: the likely mistake, and the smallest call that shows it. Exit code 1 if not."""
    from convnet.exercises.catalogue import find
    from convnet.exercises.checking import check as checked

    exercise = find(name)
    verdict = checked(exercise, file or Path(f"{exercise.name}.py"))
    print("\n".join(verdict.lines))
    if not verdict.solved:
        raise typer.Exit(1)
