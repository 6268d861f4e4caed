"""A question of the quiz, and how its arrays are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

LETTERS = "ABCDE"


@dataclass(frozen=True)
class Question:
    """What is asked, in Markdown, and its key: a number, or the place of the right one of several options.

    why      one line for the key: how the answer comes about
    within   how far a number may be off
    options  to choose from; none if a number is asked for
    """

    ask: str
    key: float
    why: str
    within: float = 0.0
    options: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        """The key as a reader writes it."""
        return LETTERS[int(self.key)] if self.options else say(self.key)


def say(value: float) -> str:
    """Return a number as it is written: integers without a point, others to three digits behind it."""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.3f}".rstrip("0")


def grid(**arrays: Any) -> str:
    """Return named tables of numbers beside each other, as a block of code."""
    blocks = []
    for name, array in arrays.items():
        rows = [[say(v) for v in row] for row in np.atleast_2d(array)]
        width = max(len(v) for row in rows for v in row)
        lines = [" ".join(v.rjust(width) for v in row) for row in rows]
        blocks.append([name, *lines])
    height = max(map(len, blocks))
    padded = [[line.ljust(max(map(len, b))) for line in b + [""] * (height - len(b))] for b in blocks]
    return "\n".join("    " + "     ".join(row).rstrip() for row in zip(*padded, strict=True))


def choose(rng: np.random.Generator, right: str, wrong: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    """Return (options in a drawn order, the place of the right one)."""
    options = np.array([right, *wrong])[rng.permutation(len(wrong) + 1)].tolist()
    return tuple(options), options.index(right)


def integers(rng: np.random.Generator, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return integers from low to high as floating-point numbers, not all the same."""
    found = rng.integers(low, high + 1, shape).astype(float)
    return found if np.ptp(found) else integers(rng, low, high, shape)
