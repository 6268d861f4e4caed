"""Which lines ran in which kernel, and in calls of which kind: what a count keeps for other operations' counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from kernels.algebra.coverage import Reached

# before a restriction's text: the label of calls of a kernel with the arguments that it is about
CONCERNS = "concerns: "
Lines = dict[str, dict[str, str]]  # kernel -> file -> its lines, such as "3-5,9"


@dataclass
class Reach:
    """The lines that ran, and for each restriction those that ran only in calls to which it does not apply.

    concerned: the kernels that have the arguments which a restriction is about.
    """

    ran: Lines = field(default_factory=dict)
    beyond: dict[str, Lines] = field(default_factory=dict)
    concerned: dict[str, list[str]] = field(default_factory=dict)

    def lines(self, kernels: Iterable[str]) -> set[str]:
        """Return the lines, "file:line", that ran in one of the kernels."""
        return set[str]().union(*(unpack(self.ran.get(name, {})) for name in kernels))

    def lines_within(self, restriction: str, kernels: Iterable[str]) -> set[str]:
        """Return those of them that ran in a call to which the restriction applies."""
        beyond = self.beyond.get(restriction, {})
        return set[str]().union(*(unpack(self.ran.get(n, {})) - unpack(beyond.get(n, {})) for n in kernels))


def find(every: Iterable[Reached], restrictions: Iterable[str]) -> Reach:
    """Return the lines that ran in each function, of all that were compiled from it."""
    functions = defaultdict[str, list[Reached]](list)
    for kernel in every:
        functions[function_of(kernel)].append(kernel)
    ran = {name: set[str]().union(*(k.lines_reached for k in some)) for name, some in functions.items()}
    found = Reach({name: pack(places) for name, places in sorted(ran.items())})
    for text in sorted(restrictions):
        beyond = {
            name: places - set[str]().union(*(k.lines_of(k.by_label.get(text, ())) for k in functions[name]))
            for name, places in sorted(ran.items())
        }
        if concerned := [n for n in sorted(ran) if any(CONCERNS + text in k.by_label for k in functions[n])]:
            found.concerned[text] = concerned
        if any(beyond.values()):
            found.beyond[text] = {name: pack(places) for name, places in beyond.items() if places}
    return found


def function_of(kernel: Reached) -> str:
    """Return the function that a kernel was compiled from."""
    return kernel.kernel.partition("(")[0]


def pack(places: Iterable[str]) -> dict[str, str]:
    """Return lines, each as "file:line", by file: "3-5,9"."""
    numbers = defaultdict[str, list[int]](list)
    for place in places:
        file, _, line = place.rpartition(":")
        numbers[file].append(int(line))
    return {file: _ranges(sorted(some)) for file, some in sorted(numbers.items())}


def _ranges(numbers: list[int]) -> str:
    firsts = [n for n in numbers if n - 1 not in numbers]
    lasts = [n for n in numbers if n + 1 not in numbers]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(firsts, lasts, strict=True))


def unpack(packed: dict[str, str]) -> set[str]:
    """Return the lines that `pack` was given."""
    return {f"{file}:{n}" for file, ranges in packed.items() for n in _numbers(ranges)}


@cache
def _numbers(ranges: str) -> frozenset[int]:
    parts = [part.split("-") for part in ranges.split(",")]
    return frozenset(n for part in parts for n in range(int(part[0]), int(part[-1]) + 1))
