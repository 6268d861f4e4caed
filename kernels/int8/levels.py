"""How 8 bits stand for a real number, and when a sum of their products is exact; README.md is the lesson.

number = scale * (level - zero)        level = round(number / scale) + zero, from -128 to 127, ties to even
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from kernels import checks, registry

LEAST, MOST = -128, 127
TYPE = np.dtype(np.int8)
SUM = np.dtype(np.int32)
REAL = np.dtype(np.float32)
LARGEST_SUM = 2**31 - 1


class Levels(NamedTuple):
    """The levels of a result: `zero` stands for 0, and none is below `low` (zero, after a relu) or above `high`."""

    zero: int = 0
    low: int = LEAST
    high: int = MOST


def level_of(total: int, multiplier: float, levels: Levels) -> int:
    """Return the level of the number total * multiplier: the definition, which every kernel computes to the bit.

    The sum is rounded to float32, the product again; then the limits, then the nearest level, ties to even.
    """
    v = np.float32(total) * np.float32(multiplier)
    v = min(max(v, np.float32(levels.low - levels.zero)), np.float32(levels.high - levels.zero))
    return int(np.rint(v)) + levels.zero


def check_level(op: str, name: str, value: Any) -> int:
    """Return a level as an int; ValueError for anything but a whole number from -128 to 127."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))
    if not whole or not LEAST <= value <= MOST:
        raise ValueError(f"{op}: {name} must be an integer from {LEAST} to {MOST}, got {value!r}")
    return int(value)


def check_levels(op: str, levels: Any) -> Levels:
    """Return the levels that a result may have; ValueError unless low <= high, and all fit into 8 bits."""
    if not isinstance(levels, tuple) or len(levels) != 3:
        raise TypeError(f"{op}: levels must be kernels.int8.Levels(zero, low, high), got {levels!r}")
    zero, low, high = (check_level(op, f"levels.{n}", v) for n, v in zip(Levels._fields, levels, strict=True))
    if low > high:
        raise ValueError(f"{op}: levels.low must not be above levels.high, got {low} and {high}")
    return Levels(zero, low, high)


def check_multipliers(op: str, multiplier: Any, filters: int) -> np.ndarray:
    """Return what turns each filter's sum into a number, or into steps of the result's scale: finite, above 0."""
    m = checks.array(op, "multiplier", multiplier, "F", (REAL,))
    checks.shape(op, "multiplier", m, (filters,), "one for each filter")
    if not (np.isfinite(m).all() and (m > 0).all()):
        bad = int(np.flatnonzero(~(np.isfinite(m) & (m > 0)))[0])
        raise ValueError(f"{op}: multiplier must be finite and above 0, got {m[bad]} for filter {bad}")
    return m


def check_multiplier(op: str, multiplier: Any) -> np.float32:
    """Return one multiplier as float32; ValueError unless it is finite and above 0."""
    with np.errstate(over="ignore"):
        m = np.float32(checks.number(op, "multiplier", multiplier, 0.0))
    if not 0 < m < np.inf:
        raise ValueError(f"{op}: multiplier must be finite and above 0 in float32, got {multiplier!r}")
    return m


def check_sum(op: str, terms: int, zero: int, b: np.ndarray | None) -> None:
    """Raise ValueError unless every sum of so many products, and the bias, fits into 32 bits."""
    largest = 0 if b is None or not b.size else max(int(b.max()), -int(b.min()))
    each = max(MOST - zero, zero - LEAST) * -LEAST
    if terms * each + largest > LARGEST_SUM:
        raise ValueError(
            f"{op}: a sum of {terms} products of up to {each}, and a bias of up to {largest}, may exceed 32 bits, "
            f"{LARGEST_SUM}: at most {(LARGEST_SUM - largest) // each} terms are exact"
        )


def kernel(op: str, variant: str, name: str = "forward_int8") -> Callable[..., Any]:
    """Return a variant's 8-bit pass; ValueError names those that have one."""
    if getattr(registry.load(op, variant), name, None) is None:
        having = [v for v in registry.variants(op, "cpu") if hasattr(registry.load(op, v), name)]
        raise ValueError(f"{op}: {name} has the variants reference, {', '.join(having)}; got {variant!r}")
    return registry.find(op, variant, name)


def deliver(op: str, result: np.ndarray, given: Any) -> np.ndarray:
    """Return the reference's result as it is, or in the array that was given for it."""
    if given is None:
        return result
    spot = checks.output(op, "out", given, result.shape, result.dtype)
    spot[...] = result
    return spot
