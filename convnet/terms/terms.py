"""A number of a network taken apart: every term of its formula, their sum, and what the kernel computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from convnet.terms.table import Table
from kernels.verify.rounding import of_sum

SHOWN = 24  # terms in the printed table; `terms` has them all


@dataclass(frozen=True)
class Term:
    """One term: which numbers it is made of, what they are, and its value in float64."""

    name: str  # x[0,3,4,0] * k[0,0,0,7]
    factors: tuple[float, ...]
    value: float
    chosen: bool = False  # max pooling: it is the largest


def product(name: str, *factors: Any) -> Term:
    """The product of some numbers, in float64."""
    values = tuple(float(f) for f in factors)
    return Term(name, values, float(np.prod(values)))


def total(terms: list[Term]) -> float:
    """Their sum, one after the other, in float64."""
    result = 0.0
    for term in terms:
        result += term.value
    return result


@dataclass(frozen=True)
class Draft:
    """A formula's terms for one number, before it is compared with the kernel's."""

    formula: str
    terms: list[Term]
    value: float
    bound: float  # how far a correct kernel may be from `value`
    how: str = "sum"  # what `value` is of the terms


def summed(formula: str, terms: list[Term], dtype: Any, roundings: int = 1, extra: float = 0.0) -> Draft:
    """The sum of terms; `roundings`: how often each rounds before it is added; `extra`: the terms' own error."""
    magnitude = sum(abs(t.value) for t in terms)
    bound = float(of_sum(len(terms) + roundings, magnitude, dtype).bound) + extra
    return Draft(formula, terms, total(terms), bound)


@dataclass(frozen=True)
class Part:
    """One operation's number. `value`: of the terms, in float64; `kernel`: what the kernel computed."""

    what: str
    formula: str
    terms: tuple[Term, ...]
    value: float
    kernel: float
    bound: float
    how: str = "sum"

    @property
    def holds(self) -> bool:
        """Are the two numbers the same, but for rounding (or both not finite)?"""
        if not np.isfinite(self.value) or not np.isfinite(self.kernel):
            return bool(np.array_equal(self.value, self.kernel, equal_nan=True))
        return abs(self.value - self.kernel) <= self.bound

    def table(self) -> Table:
        shown = sorted(np.argsort([-abs(t.value) for t in self.terms], kind="stable")[:SHOWN].tolist())
        added, rows, marked = 0.0, [], set()
        for n in shown:
            term = self.terms[n]
            added += term.value
            numbers = " * ".join(f"{v:.6g}" for v in term.factors) if len(term.factors) > 1 else ""
            rows.append([term.name, numbers, f"{term.value:.6g}", f"{added:.6g}" if self.how == "sum" else ""])
            if term.chosen:
                marked.add(len(rows) - 1)
        if left := len(self.terms) - len(shown):
            rest = total([t for n, t in enumerate(self.terms) if n not in set(shown)])
            rows.append([f"{left} smaller ones", "", f"{rest:.6g}", f"{added + rest:.6g}" if self.how == "sum" else ""])
        header = ["term", "numbers", "value", "running sum" if self.how == "sum" else ""]
        if self.how != "sum":
            header, rows = header[:3], [row[:3] for row in rows]
        return Table(header, rows, f"{self.what} = {self.formula}", self._verdict(), 1, frozenset(marked))

    def _verdict(self) -> str:
        close = "the same but for rounding" if self.holds else "NOT THE SAME"
        return f"{self.how}: {self.value:.9g}; the kernel computed {self.kernel:.9g}: {close} (bound {self.bound:.2g})"


@dataclass(frozen=True)
class Explanation:
    """A number and how it came about: one part an operation, in their order (a convolution, then its activation)."""

    parts: tuple[Part, ...]

    @property
    def terms(self) -> tuple[Term, ...]:
        """All terms of the first operation: of a convolution, every product and the bias."""
        return self.parts[0].terms

    @property
    def value(self) -> float:
        """The number by the formula, in float64."""
        return self.parts[-1].value

    @property
    def kernel(self) -> float:
        """The number as the kernel computed it."""
        return self.parts[-1].kernel

    @property
    def holds(self) -> bool:
        """Is every part within the rounding bound of the kernel's number?"""
        return all(part.holds for part in self.parts)

    def _tables(self) -> Iterator[Table]:
        return (part.table() for part in self.parts)

    def __str__(self) -> str:
        return "\n\n".join(map(str, self._tables()))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(table._repr_html_() for table in self._tables())

    def __rich__(self) -> Any:
        from rich.console import Group

        return Group(*(table.__rich__() for table in self._tables()))
