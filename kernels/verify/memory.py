"""What a pass reads, writes, returns and remembers, beside the numbers that it computes."""

from __future__ import annotations

import time

import numpy as np

from kernels.verify.implementation import BAND, FromFile
from kernels.verify.problem import Operation, Problem, as_tuple
from kernels.verify.properties import NEIGHBOURS, Broken, Implementation, Measured, call, raise_other_bits

MOST_RUNS, OWN_SECONDS, FILE_SECONDS = 5000, 0.02, 2.0
ORDER = "the same for any order of an argument's numbers in memory"
OWN = "each call returns arrays of its own"
REMEMBERS = "remembers nothing of earlier calls"


def surroundings(op: Operation, impl: Implementation, name: str, p: Problem) -> Measured:
    """Check that what lies before and after the arguments in memory makes no difference, and stays as it is."""
    expected = as_tuple(call(op, impl, name, p))
    for value in (np.nan, 1.0):
        q, memories = _surround(p, value)
        before = [m.tobytes() for m in memories]
        raise_other_bits(NEIGHBOURS, op, name, as_tuple(call(op, impl, name, q)), expected)
        if before != [m.tobytes() for m in memories]:
            raise Broken(NEIGHBOURS, f"{name} wrote into the memory beside an argument")
    return Measured()


def _surround(p: Problem, value: float) -> tuple[Problem, list[np.ndarray]]:
    """Return the problem with each array amid a longer one full of `value`, and these."""
    arrays, memories = {}, []
    for name, a in p.arrays.items():
        beside = value if a.dtype.kind == "f" else 99 * (a.dtype == np.int8)
        memory = np.full(a.size + 2 * BAND, beside, a.dtype)
        memory[BAND : BAND + a.size] = a.ravel()
        arrays[name] = memory[BAND : BAND + a.size].reshape(a.shape)
        memories.append(memory)
    return p.replace(**arrays), memories


def layouts(op: Operation, impl: Implementation, name: str, p: Problem) -> Measured:
    """Check that arrays that are not contiguous, or read-only, give the same bits, or are refused."""
    expected = as_tuple(call(op, impl, name, p))
    for change in (np.asfortranarray, _spread, _turn, _protect):
        q = p.replace(**{n: change(a) for n, a in p.arrays.items()})
        try:
            given = call(op, impl, name, q)
        except Broken as broken:
            if isinstance(broken.__cause__, TypeError | ValueError):  # a kernel may say that it wants another order
                continue
            raise
        raise_other_bits(ORDER, op, name, as_tuple(given), expected)
    return Measured()


def _spread(a: np.ndarray) -> np.ndarray:
    """Return the numbers with one that is none of them between any two of the last axis."""
    wide = np.full((*a.shape, 2), 77, a.dtype)
    wide[..., 0] = a
    return wide[..., 0]


def _turn(a: np.ndarray) -> np.ndarray:
    """Return the numbers, stored from the last to the first."""
    every = (slice(None, None, -1),) * a.ndim
    return np.ascontiguousarray(a[every])[every]


def _protect(a: np.ndarray) -> np.ndarray:
    copy = a.copy()
    copy.flags.writeable = False
    return copy


def calls(op: Operation, impl: Implementation, name: str, p: Problem) -> Measured:
    """Check that a result is the caller's own, and depends on this call alone."""
    first = as_tuple(call(op, impl, name, p))
    if any(np.shares_memory(r, a) for r in first for a in p.arrays.values()):
        raise Broken(OWN, f"{name} returned memory of an argument")
    kept = [r.copy() for r in first]
    call(op, impl, name, _other_numbers(p))
    if any(r.tobytes() != k.tobytes() for r, k in zip(first, kept, strict=True)):
        raise Broken(OWN, f"{name}: a second call overwrote the first one's result")
    raise_other_bits(REMEMBERS, op, name, as_tuple(call(op, impl, name, p)), tuple(kept))
    return Measured()


def _other_numbers(p: Problem) -> Problem:
    """Return the problem with its numbers, or levels, in another order."""
    levels = {n: a[::-1] for n, a in p.arrays.items() if a.dtype == np.int8}
    return p.map_floats(lambda a: np.abs(a[::-1])).replace(**levels)


def repeats(op: Operation, impl: Implementation, name: str, p: Problem) -> Measured:
    """Check that any number of runs give the same bits."""
    first = as_tuple(call(op, impl, name, p))
    end = time.monotonic() + (FILE_SECONDS if isinstance(impl, FromFile) else OWN_SECONDS) / 10
    for run in range(MOST_RUNS):
        raise_other_bits("same bits when run twice", op, name, as_tuple(call(op, impl, name, p)), first)
        if run and time.monotonic() > end:
            break
    return Measured()
