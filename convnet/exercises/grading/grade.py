"""From a folder of submissions to scores: who handed in what, how much of each exercise is right, and the feedback."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convnet.exercises.aspects import make_problems
from convnet.exercises.assessing import Assessment, Result, assess
from convnet.exercises.catalogue import EXERCISES, Exercise
from convnet.exercises.grading.remote import (
    ISOLATED,
    TRUSTED,
    Limits,
    Remote,
    explain_missing_isolation,
)
from convnet.exercises.reporting import find_raising_line, say_what
from kernels.verify.problem import Operation, Problem

LARGEST_FILE = 2**20


@dataclass(frozen=True)
class Settings:
    """How to grade: which exercises (all that were handed in, if none is named), how many at once, and limits."""

    exercises: tuple[Exercise, ...] = ()
    jobs: int = 1
    limits: Limits = field(default_factory=Limits)
    seed: int | None = None
    trusted: bool = False


@dataclass(frozen=True)
class Task:
    """One exercise with its problems, the same for every student."""

    exercise: Exercise
    op: Operation
    problems: dict[str, list[Problem]]


def grade(folder: Path, settings: Settings, tell: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Return the scores of every student in a folder, as JSON values: FOLDER/STUDENT/EXERCISE.py.

    ValueError if there is none, or if submissions cannot be isolated here.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder: give the one that holds a folder for each student")
    students = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    chosen = settings.exercises or tuple(e for e in EXERCISES if any((s / f"{e.name}.py").exists() for s in students))
    if not students or not chosen:
        raise ValueError(f"{folder}: no submission found, expected STUDENT/EXERCISE.py, for instance anna/sum.py")
    if not settings.trusted and (why := explain_missing_isolation()):
        raise ValueError(
            f"submissions cannot be isolated here: {why}. It takes Linux with user namespaces. In a machine or "
            "container that you can throw away, --trusted grades without isolation"
        )
    seed = secrets.randbits(63) if settings.seed is None else settings.seed
    tasks = [make_task(exercise, seed) for exercise in chosen]
    work = [(student, task) for student in students for task in tasks]

    def one(job: tuple[Path, Task]) -> dict[str, Any]:
        found = grade_file(job[0] / f"{job[1].exercise.name}.py", job[1], settings)
        tell(f"{job[0].name}, {job[1].exercise.name}: {found['score']:g}")
        return found

    with ThreadPoolExecutor(settings.jobs) as pool:
        results = list(pool.map(one, work))
    return {
        "seed": seed,
        "isolation": TRUSTED if settings.trusted else ISOLATED,
        "exercises": [task.exercise.name for task in tasks],
        "students": [_student(s, [r for (w, _), r in zip(work, results, strict=True) if w == s]) for s in students],
    }


def _student(folder: Path, results: list[dict[str, Any]]) -> dict[str, Any]:
    score = sum(result["score"] for result in results)
    return {"student": folder.name, "score": round(score, 1), "of": 100 * len(results), "results": results}


def make_task(exercise: Exercise, seed: int) -> Task:
    """Return an exercise's problems of a seed."""
    op = exercise.load_operation()
    return Task(exercise, op, make_problems(exercise, op, seed))


def grade_file(file: Path, task: Task, settings: Settings) -> dict[str, Any]:
    """Return the score of one file from 0 to 100, and what is said of it."""
    start = time.monotonic()
    reason = explain_unfit(file)
    if reason is not None:
        return _result(task, None, [reason], start)
    needs_kernels = task.exercise.fast or task.exercise.emulated
    with Remote(file, settings.limits, confined=not settings.trusted, needs_kernels=needs_kernels) as remote:
        found = assess(task.op, remote, task.exercise.passes, task.problems)
        said = _feedback(task, remote, found, file)
        if found.missing:
            said = [f"{file.name} does not define {' and '.join(found.missing)}", *said]
    return _result(task, found, [*said, *remote.printed.lines()], start)


def explain_unfit(file: Path) -> str | None:
    """Return why a file is not run: it is not there, is a link to something else, or is too large."""
    if file.is_symlink():
        return f"{file.name} is a link, not a file"
    if not file.is_file():
        return f"{file.name} was not handed in"
    if not os.access(file, os.R_OK):
        return f"{file.name} cannot be read"
    if file.stat().st_size > LARGEST_FILE:
        return f"{file.name} is larger than {LARGEST_FILE} bytes"
    return None


def _feedback(task: Task, remote: Remote, found: Assessment, file: Path) -> list[str]:
    result = found.first
    if result is None:
        return []
    return [say_what(task.op, remote, result, task.problems), *_where(result, file)]


def _where(result: Result, file: Path) -> Iterable[str]:
    yield f"first wrong with: {result.aspect}, in {result.name}"
    number = find_raising_line(result.broken.__cause__ if result.broken else None, file)
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    if number is not None and 0 < number <= len(lines):
        yield f"line {number}:  {lines[number - 1].strip()[:200]}"


def _result(task: Task, found: Assessment | None, said: list[str], start: float) -> dict[str, Any]:
    """Return a score: the share of the aspects, over all passes, of which every problem is solved."""
    every = len(task.problems) * len(task.exercise.passes)
    results = found.results if found else []
    solved = sum(result.solved for result in results)
    return {
        "exercise": task.exercise.name,
        "score": round(100 * solved / every, 1),
        "solved": bool(found and found.solved),
        "feedback": said,
        "aspects": [
            {"pass": r.name, "aspect": r.aspect, "problems": r.total, "right": r.held, "solved": r.solved}
            for r in results
        ],
        "seconds": round(time.monotonic() - start, 2),
    }
