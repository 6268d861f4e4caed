"""Check a solution: the passes that the exercise asks for, by the machinery of `convnet verify`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from convnet.exercises.catalogue import Exercise


@dataclass(frozen=True)
class Verdict:
    solved: bool
    lines: list[str]


def check(exercise: Exercise, file: Path) -> Verdict:
    """Is the file a solution? ValueError, in a line, if it is no kernel file of this operation."""
    from kernels.verify import certificate, run, table

    outcome = run([exercise.operation], kernel=file, fixed=exercise.fixed)
    there = {row.name for row in outcome.rows}
    missing = [name for name in exercise.passes if name not in there]
    if missing:
        return Verdict(False, [f"not yet: {file} does not define {' and '.join(missing)}"])
    if not outcome.ok:
        lines = [line for line in table.notes(certificate.made(outcome))[:-2] if "Large shapes" not in line]
        return Verdict(False, ["not yet:", *lines])
    if exercise.fast and not all(row.large for row in outcome.rows):
        why = "right on small problems, but too slow for large ones: compile it (kernels.jit.jit), see the file's hints"
        return Verdict(False, [f"not yet: {why}"])
    return Verdict(True, [f"solved: {exercise.title}. Every number is right, on {_count(outcome)} problems."])


def _count(outcome) -> int:
    return sum(sum(row.held.values()) for row in outcome.rows)
