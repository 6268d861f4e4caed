"""`convnet exercise list|start|check`: what it asks for and what it prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from convnet.commands.output import emit, say
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


@app.command()
def grade(
    folder: Annotated[Path, typer.Argument(help="The submissions: FOLDER/STUDENT/EXERCISE.py.")],
    exercise: Annotated[
        list[str] | None, typer.Option(help="An exercise to grade; once for each. Without it, all that were handed in.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write scores and feedback as JSON; - prints them.")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write a table: a row for each student.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Submissions at once.")] = 2,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that one submission may take.")] = 60.0,
    seed: Annotated[int | None, typer.Option(min=0, help="Repeat a grading: the seed that its JSON states.")] = None,
    trusted: Annotated[
        bool, typer.Option("--trusted", help="Without isolation: submissions run with your rights.")
    ] = False,
) -> None:
    """Grade a folder of submissions, each isolated in a process of its own. Exit code 0 whatever the scores."""
    from convnet.exercises.catalogue import find
    from convnet.exercises.grading import Settings
    from convnet.exercises.grading import grade as graded
    from convnet.exercises.grading.remote import Limits
    from convnet.output.spreadsheet import write_csv

    for option, path in (("--json", json), ("--csv", csv_file)):
        if path is not None and str(path) != "-":
            check_file(option, path)
    chosen = tuple(find(name) for name in exercise or ())
    settings = Settings(chosen, jobs, Limits(seconds=timeout), seed, trusted)
    found = graded(folder, settings, say)
    if csv_file is not None:
        write_csv(csv_file, _table(found))
    lines = [f"{s['student']:<24} {s['score']:6g} of {s['of']}" for s in found["students"]]
    emit(found, json, [*lines, "", f"Isolation: {found['isolation']}.", f"Seed: {found['seed']}."])


def _table(found: dict[str, Any]) -> Iterator[list[Any]]:
    yield ["student", *found["exercises"], "score", "of"]
    for s in found["students"]:
        yield [s["student"], *(r["score"] for r in s["results"]), s["score"], s["of"]]
