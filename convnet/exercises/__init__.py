"""Exercises: write an operation yourself, from one sum to tiles and a GPU, and have it checked.

In a notebook, begin("sum") writes sum.py, and check("sum") says whether it is right; so does `convnet exercise`.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from convnet.exercises.catalogue import Exercise, find

__all__ = ["begin", "check", "score"]


def write_start(exercise: Exercise, path: Path) -> None:
    """Write an exercise's starting file; ValueError, and nothing written, if the file exists."""
    from convnet.output.atomic import write_atomically

    if path.exists():
        raise ValueError(f"{path} exists, and is left as it is: name another file, or move it away")
    write_atomically(path, exercise.start.read_bytes())


def begin(name: str, file: str | Path | None = None) -> None:
    """Write an exercise's starting file to the working folder; a file that exists is left as it is."""
    exercise = find(name)
    path = Path(file or f"{exercise.name}.py")
    if path.exists():
        print(f"{path} exists already and is left as it is. When it is done: check({name!r})")
        return
    write_start(exercise, path)
    print(f"wrote {path.resolve()}: open it and complete it. When it is done: check({name!r})")


def check(name: str, file: str | Path | None = None) -> None:
    """Print whether the exercise is solved, and if not, the smallest problem that shows it."""
    from convnet.exercises.checking import check as check_file

    exercise = find(name)
    print("\n".join(check_file(exercise, Path(file or f"{exercise.name}.py")).lines))


def score(name: str, file: str | Path | None = None, *, of: float = 100.0, trusted: bool = False) -> float:
    """Print the feedback on a file, and return its points, 0 to `of`: it is run as `convnet exercise grade` runs it.

    RuntimeError if it cannot be isolated here; `trusted` runs it without isolation.
    """
    from convnet.exercises.grading.grade import Settings, grade_file, make_task
    from convnet.exercises.grading.remote import explain_missing_isolation

    exercise = find(name)
    if not trusted and (why := explain_missing_isolation()):
        raise RuntimeError(f"the file cannot be isolated here: {why}. trusted=True runs it with your rights")
    found = grade_file(
        Path(file or f"{exercise.name}.py"), make_task(exercise, secrets.randbits(63)), Settings(trusted=trusted)
    )
    print("\n".join(found["feedback"]) or "solved")
    return float(of) * found["score"] / 100
