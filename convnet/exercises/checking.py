"""Check a solution: the passes that the exercise asks for, by the machinery of `convnet verify`."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from convnet.exercises.catalogue import Exercise


@dataclass(frozen=True)
class Verdict:
    """Whether a file solves its exercise, and the lines that say so or why not."""

    solved: bool
    lines: list[str]


def check(exercise: Exercise, file: Path) -> Verdict:
    """Check whether the file is a solution; ValueError, in a line, if it is no kernel file of this operation."""
    from kernels.verify import certificate, run, table

    if not file.is_file():
        raise ValueError(f"there is no {file}: `convnet exercise start {exercise.name}` writes one to start from")
    # an emulated kernel takes its time, and knows nothing of the CPU's threads: fewer problems
    try:
        outcome = run([exercise.operation], kernel=file, fixed=exercise.fixed, quick=exercise.emulated)
    except ValueError as error:  # it names verify's option, which the student has not used
        raise ValueError(str(error).removeprefix("--kernel ")) from None
    there = {row.name for row in outcome.rows}
    missing = [name for name in exercise.passes if name not in there]
    if missing:
        return Verdict(False, [f"not yet: {file} does not define {' and '.join(missing)}"])
    if not outcome.ok:
        lines = [line for line in table.notes(certificate.make(outcome))[:-2] if "Large shapes" not in line]
        return Verdict(False, ["not yet:", *lines])
    if exercise.fast and not all(row.large for row in outcome.rows):
        why = "right on small problems, but too slow for large ones: compile it (kernels.jit.jit), see the file's hints"
        return Verdict(False, [f"not yet: {why}"])
    if exercise.emulated and (reason := explain_missing_kernel(file)):
        return Verdict(False, [f"not yet: {reason}"])
    return Verdict(True, [f"solved: {exercise.title}. Every number is right, on {_count(outcome)} problems."])


def explain_missing_kernel(file: Path) -> str | None:
    """Return why the numbers of y do not come from a kernel with a thread for each of them; None if they do."""
    from kernels.emulator import launch
    from kernels.verify.implementation import load

    launches: list[tuple[int, list[np.ndarray]]] = []
    execute = launch.execute

    def watch(program, name, grid, block, buffers, *rest):
        result = execute(program, name, grid, block, buffers, *rest)
        launches.append((prod(grid) * prod(block), [b.back.copy() for b in buffers if b.back is not None]))
        return result

    launch.execute = watch
    try:
        rng = np.random.default_rng(0)
        x, k = rng.random((2, 5, 6, 3), np.float32), rng.random((3, 2, 3, 4), np.float32)
        y = load(file).forward(x, k, np.zeros(4, np.float32), stride=(1, 1), padding=((1, 1), (0, 0)), dilation=(1, 1))
    finally:
        launch.execute = execute
    if not any(np.array_equal(y, written) for _, arrays in launches for written in arrays):
        return "the numbers are right, but no kernel has written them: run it with kernels.emulator.run"
    most = max(threads for threads, _ in launches)
    return None if most >= y.size else f"right, but {most} threads did the work of {y.size}: one thread per output"


def _count(outcome) -> int:
    return sum(sum(row.held.values()) for row in outcome.rows)
