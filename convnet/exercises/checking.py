"""Check a solution: aspect by aspect, with the likely mistake by its name; fast kernels as `convnet verify` does."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convnet.exercises.catalogue import Exercise
from convnet.exercises.printing import Printed

if TYPE_CHECKING:
    from kernels.verify.implementation import FromFile


@dataclass(frozen=True)
class Verdict:
    """Whether a file solves its exercise, and the lines that say so or why not."""

    solved: bool
    lines: list[str]


def check(exercise: Exercise, file: Path) -> Verdict:
    """Check whether the file is a solution; ValueError, in a line, if it cannot be read or run at all."""
    if not file.is_file():
        raise ValueError(f"there is no {file}: `convnet exercise start {exercise.name}` writes one to start from")
    printed = Printed()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        verdict = _check(exercise, file)
    return Verdict(verdict.solved, [*verdict.lines, *printed.lines()])


def _check(exercise: Exercise, file: Path) -> Verdict:
    from convnet.exercises.aspects import make_problems
    from convnet.exercises.assessing import assess
    from convnet.exercises.reporting import quote_raising_line, report
    from kernels.verify.implementation import FromFile

    op = exercise.load_operation()
    try:
        student = FromFile(op, file)
    except ValueError as error:  # it names verify's option, which the student has not used
        line = quote_raising_line(error.__cause__, file.read_text(encoding="utf-8", errors="replace"), file)
        raise ValueError(str(error).removeprefix("--kernel ") + (f"\n  {line}" if line else "")) from None
    missing = [name for name in exercise.passes if not student.has(name)]
    if missing:
        return Verdict(False, [f"not yet: {file} does not define {' and '.join(missing)}"])
    problems = make_problems(exercise, op)
    found = assess(op, student, exercise.passes, problems, all_of=False)
    if not found.solved:
        return Verdict(False, report(op, student, found, problems, file))
    if exercise.fast or exercise.emulated:
        verdict = _verify(exercise, file, student)
        if verdict is not None:
            return verdict
    count = sum(result.total for result in found.results)
    return Verdict(True, [f"solved: {exercise.title}. Every number is right, on {count} problems."])


def _verify(exercise: Exercise, file: Path, student: FromFile) -> Verdict | None:
    """Return what `convnet verify` has against a kernel that is to be fast, or to run on a GPU; None if nothing."""
    from kernels.verify import certificate, run, table

    # an emulated kernel takes its time, and knows nothing of the CPU's threads: fewer problems
    outcome = run([exercise.operation], kernel=file, fixed=exercise.fixed, quick=exercise.emulated)
    if not outcome.ok:
        lines = [line for line in table.notes(certificate.make(outcome))[:-2] if "Large shapes" not in line]
        return Verdict(False, ["not yet: the numbers are right on small problems, but not everywhere:", *lines])
    if exercise.fast and not all(row.large for row in outcome.rows):
        why = "right on small problems, but too slow for large ones: compile it (kernels.jit.jit), see the file's hints"
        return Verdict(False, [f"not yet: {why}"])
    if exercise.emulated and (reason := explain_missing_kernel(student)):
        return Verdict(False, [f"not yet: {reason}"])
    return None


def explain_missing_kernel(student: FromFile) -> str | None:
    """Return why the numbers of y do not come from a kernel with a thread for each of them; None if they do."""
    from math import prod

    import numpy as np

    from kernels.emulator import launch

    launches: list[tuple[int, list[np.ndarray]]] = []
    execute = launch.execute

    def watch(program: Any, name: str, grid: Any, block: Any, buffers: Any, *rest: Any) -> Any:
        result = execute(program, name, grid, block, buffers, *rest)
        launches.append((prod(grid) * prod(block), [b.back.copy() for b in buffers if b.back is not None]))
        return result

    launch.execute = watch  # type: ignore[assignment]
    try:
        rng = np.random.default_rng(0)
        x, k = rng.random((2, 5, 6, 3), np.float32), rng.random((3, 2, 3, 4), np.float32)
        settings = {"stride": (1, 1), "padding": ((1, 1), (0, 0)), "dilation": (1, 1)}
        y = student.call("forward", (x, k, np.zeros(4, np.float32)), settings)
    finally:
        launch.execute = execute
    if not any(np.array_equal(y, written) for _, arrays in launches for written in arrays):
        return "the numbers are right, but no kernel has written them: run it with kernels.emulator.run"
    most = max(threads for threads, _ in launches)
    return None if most >= y.size else f"right, but {most} threads did the work of {y.size}: one thread per output"
