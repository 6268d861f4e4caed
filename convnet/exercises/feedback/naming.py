"""Find the mistake that explains what a student's function returns."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from convnet.exercises.assessing import Student
from convnet.exercises.feedback.convolution import MISTAKES as CONVOLUTION
from convnet.exercises.feedback.crossentropy import CROSSENTROPY
from convnet.exercises.feedback.mistake import Case, Mistake
from convnet.exercises.feedback.pooling import AVGPOOL, MAXPOOL
from convnet.exercises.feedback.quantised import QUANTISED
from convnet.exercises.feedback.relations import RELATIONS
from convnet.exercises.feedback.training import ADAM, BATCHNORM
from kernels.verify.problem import Operation, Problem, as_tuple

MISTAKES = {
    "conv2d": CONVOLUTION,
    "maxpool2d": MAXPOOL,
    "avgpool2d": AVGPOOL,
    "crossentropy": CROSSENTROPY,
    "batchnorm": BATCHNORM,
    "adam": ADAM,
    "quantised": QUANTISED,
}
MOST = 24  # problems that are asked for again
MORE_THAN_ONE = "; and something else is wrong besides"


def mistakes_of(operation: str, name: str) -> tuple[Mistake, ...]:
    """Return the usual mistakes in a pass, and the relations that hold for any."""
    return (*MISTAKES[operation][name], *RELATIONS)


def name_mistake(
    op: Operation, student: Student, name: str, problems: Iterable[Problem], later: Iterable[Problem] = ()
) -> str | None:
    """Return what is likely wrong with a pass; `problems` are of the first aspect that fails, `later` of the next ones.

    The mistake has to explain every wrong result on `problems`. If it leaves later ones unexplained, that is said.
    """
    first = [case for case in _ask(op, student, name, problems) if not case.is_right]
    if not first:
        return None
    found = [m for m in mistakes_of(op.name, name) if _explains(m, first)]
    others = [case for case in _ask(op, student, name, later) if not case.is_right]
    for mistake in found:
        if _explains(mistake, others, all_of=True):
            return mistake.says
    return found[0].says + MORE_THAN_ONE if found else None


def _explains(mistake: Mistake, wrong: list[Case], all_of: bool = False) -> bool:
    """Return whether a mistake gives just these results; `all_of`: in no case does it say nothing."""
    found = [mistake.test(case) for case in wrong]
    if False in found:
        return False
    return not (all_of and None in found) and (True in found or not wrong)


def _ask(op: Operation, student: Student, name: str, problems: Iterable[Problem]) -> list[Case]:
    cases = []
    for p in list(problems)[:MOST]:
        args, settings = op.arguments(name, p)
        try:
            with np.errstate(all="ignore"):
                given = as_tuple(student.call(name, args, settings))
        except KeyboardInterrupt:
            raise
        except BaseException:  # said elsewhere, with its line
            continue
        if all(a.dtype.kind in "fiub" for a in given):
            cases.append(Case(op, name, p, given))
    return cases
