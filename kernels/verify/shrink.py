"""From a failing problem to the smallest that still fails: fewer and smaller axes first, then simpler numbers."""

import time
from collections.abc import Callable, Iterator

import numpy as np

from kernels.verify.problem import Geometry, Operation, Problem
from kernels.verify.properties import Broken

SECONDS = 10.0
MOST_NUMBERS = 4096  # of an array that is made simpler number by number
DERIVED = {"y", "argmax", "mean", "var"}  # made from other arrays of the problem: changing one alone means nothing

Attempt = Callable[[Problem], Broken | None]
Build = Callable[[Geometry], list[Problem]]


def shrink(op: Operation, p: Problem, broken: Broken, build: Build, attempt: Attempt) -> tuple[Problem, Broken]:
    """Search for SECONDS for the smallest problem in which the same property is broken; return it, and how."""
    until = time.monotonic() + SECONDS

    def fails(candidate: Problem) -> Broken | None:
        found = attempt(candidate) if time.monotonic() < until else None
        return found if found is not None and found.property == broken.property else None

    p, broken = _geometry(op, p, broken, build, fails)
    if broken.result and not DERIVED & set(p.arrays):
        p, broken = _numbers(p, broken, fails)
    return p, broken


def _geometry(op: Operation, p: Problem, broken: Broken, build: Build, fails: Attempt) -> tuple[Problem, Broken]:
    progress = True
    while progress:
        progress = False
        for key, least in op.smallest.items():
            value = p.geometry[key]
            for new in sorted({least, (least + value) // 2, value - 1}):
                if not least <= new < value:
                    continue
                found = next(_find_failing(build, {**p.geometry, key: new}, fails), None)
                if found is not None and found[0].geometry != p.geometry:
                    (p, broken), progress = found, True
                    break
    return p, broken


def _find_failing(build: Build, g: Geometry, fails: Attempt) -> Iterator[tuple[Problem, Broken]]:
    """Yield the problems of a geometry that fail, each with how."""
    try:
        candidates = build(g)
    except ValueError:  # nothing has such a geometry
        return
    for candidate in candidates:
        found = fails(candidate)
        if found is not None:
            yield candidate, found


def _numbers(p: Problem, broken: Broken, fails: Attempt) -> tuple[Problem, Broken]:
    """Make every number 0 if it can be, else 1, else leave it as it was."""
    for name, array in p.arrays.items():
        if array.dtype.kind != "f" or array.size > MOST_NUMBERS:
            continue
        for index in np.ndindex(array.shape):
            for value in (0, 1):
                if p[name][index] == value:
                    break
                simpler = p[name].copy()
                simpler[index] = value
                candidate = p.replace(**{name: simpler})
                found = fails(candidate)
                if found is not None:
                    p, broken = candidate, found
                    break
    return p, broken
