"""What a student reads when something is wrong: the likely mistake, their own line, the simplest call, then details."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from convnet.exercises.assessing import Assessment, Result, Student, find_fault, is_integral
from convnet.exercises.feedback import name_mistake
from convnet.exercises.feedback.showing import find_line, first_difference, show_call
from kernels.verify.formulas import FORMULAS
from kernels.verify.plain import plain
from kernels.verify.problem import Geometry, Operation, Problem, as_tuple, exact
from kernels.verify.properties import Broken
from kernels.verify.shrink import shrink

CUT = "numbers are cut to integers: give the result a floating-point dtype, as np.zeros(shape) has"


def report(
    op: Operation, student: Student, found: Assessment, problems: dict[str, list[Problem]], file: Path
) -> list[str]:
    """Return the lines on the first thing that is wrong."""
    result = found.first
    assert result is not None
    assert result.broken is not None
    text = file.read_text(encoding="utf-8", errors="replace")
    right = [r.aspect for r in found.results if r.solved and r.name == result.name]
    return [
        f"not yet: {say_what(op, student, result, problems)}",
        *([f"  right so far: {', '.join(right)}"] if right else []),
        f"  first wrong with: {result.aspect}" + (f", in {result.name}" if len(op.passes) > 1 else ""),
        *_own_line(result.broken, text, result.name, file),
        *_call(op, student, result),
    ]


def say_what(op: Operation, student: Student, result: Result, problems: dict[str, list[Problem]]) -> str:
    """Return what is wrong in a sentence: the mistake's name if it is known."""
    assert result.broken is not None
    if result.broken.property in ("runs", "inputs are never mutated"):
        return result.broken.message
    if result.broken.property == "dtype" and " is int" in result.broken.message:
        return CUT
    names = list(problems)
    later = [p for name in names[names.index(result.aspect) + 1 :] for p in problems[name]]
    likely = name_mistake(op, student, result.name, problems[result.aspect], later)
    return likely or result.broken.message


def _own_line(broken: Broken, text: str, name: str, file: Path) -> list[str]:
    """Return the line of the student's file that raised the error, or else that writes the result."""
    if raised := quote_raising_line(broken.__cause__, text, file):
        return [f"  {raised}"]
    found = find_line(text, name)
    return [f"  your line {found[0]}:  {found[1]}"] if found and broken.property != "runs" else []


def quote_raising_line(error: BaseException | None, text: str, file: Path) -> str:
    """Return the line of the student's file that raised an error, with its number; nothing if none did."""
    lines, number = text.splitlines(), find_raising_line(error, file)
    return f"your line {number}:  {lines[number - 1].strip()}" if number and number <= len(lines) else ""


def find_raising_line(error: BaseException | None, file: Path) -> int | None:
    """Return the last line of the student's file that was running."""
    if error is None:
        return None
    if isinstance(own := getattr(error, "line", None), int):
        return own
    if isinstance(error, SyntaxError):
        return error.lineno
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == file.resolve()]
    return frames[-1].lineno if frames else None


def _call(op: Operation, student: Student, result: Result) -> list[str]:
    """Return the simplest call that shows it, in grids, and the details."""
    assert result.problem is not None
    assert result.broken is not None
    p, broken = shrink(op, result.problem, result.broken, _build(op, result), _attempt(op, student, result.name))
    args, settings = op.arguments(result.name, p)
    lines = ["", "the simplest call found that shows it:"]
    given: Any = None
    if broken.property != "runs":
        with np.errstate(all="ignore"):
            given = student.call(result.name, args, settings)
    which, at = _where(given, exact(op, result.name, p))
    shown = None if given is None else as_tuple(given)[which] if which < len(as_tuple(given)) else None
    lines += [f"  {line}" for line in show_call(op, result.name, p, shown, at, which)]
    formula = FORMULAS.get(op.name, {}).get(result.name)
    details = ["", "details:", f"  {broken.property}: {broken.message}"]
    return [*lines, *details, *([f"  the formula: {plain(formula)}"] if formula else [])]


def _where(given: Any, wanted: tuple[np.ndarray, ...]) -> tuple[int, tuple[int, ...]]:
    return (0, (0,) * np.ndim(wanted[0])) if given is None else first_difference(given, wanted)


def _attempt(op: Operation, student: Student, name: str) -> Callable[[Problem], Broken | None]:
    return lambda p: find_fault(op, student, name, p)


def _build(op: Operation, result: Result) -> Callable[[Geometry], list[Problem]]:
    """Return how to make problems like the failing one, of other sizes."""
    p = result.problem
    assert p is not None
    kind = "integers" if is_integral(op, p) else "unlike"
    odd = int(op.name == "conv2d" and "b" not in p.arrays)  # an odd seed makes no bias

    def build(g: Geometry) -> list[Problem]:
        return [op.problem(op.fit({**g, **op.fixed}), np.float32, kind, 2 * s + odd) for s in range(3)]

    return build
