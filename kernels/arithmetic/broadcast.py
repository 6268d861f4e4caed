"""Two shapes that broadcast, as at most four axes, each with one step through either array: 0 where it is repeated."""

from functools import lru_cache
from itertools import zip_longest
from math import prod
from typing import NamedTuple

AXES = 4  # as many as an image batch has


class Axes(NamedTuple):
    """The result's axes, merged where both arrays run on, and the steps of both arrays through them."""

    sizes: tuple[int, ...]
    a: tuple[int, ...]
    b: tuple[int, ...]


@lru_cache(maxsize=1024)
def broadcast(op: str, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the result, by NumPy's rule: axes are equal, or 1 in one array; ValueError for others."""
    pairs = [*zip_longest(reversed(a), reversed(b), fillvalue=1)][::-1]
    if any(m != n and 1 not in (m, n) for m, n in pairs):
        raise ValueError(
            f"{op}: a of shape {a} and b of shape {b} do not fit each other: counted from the last, axes must be "
            "equally long, or 1 in one of them"
        )
    return tuple(n if m == 1 else m for m, n in pairs)


@lru_cache(maxsize=1024)
def merge(op: str, a: tuple[int, ...], b: tuple[int, ...]) -> Axes:
    """Return the four axes of two shapes that fit; ValueError where arrays take turns in being repeated too often."""
    sizes: list[int] = []
    kinds: list[tuple[bool, bool]] = []  # does a run along the axis, does b?
    for m, n in [*zip_longest(reversed(a), reversed(b), fillvalue=1)][::-1]:
        size, kind = (n if m == 1 else m), (m != 1, n != 1)
        if size == 1:
            continue
        if kinds and kinds[-1] == kind:
            sizes[-1] *= size
        else:
            sizes.append(size)
            kinds.append(kind)
    if len(sizes) > AXES:
        raise ValueError(f"{op}: a of shape {a} and b of shape {b} take turns in being repeated more than {AXES} times")
    missing = AXES - len(sizes)
    sizes, kinds = [1] * missing + sizes, [(False, False)] * missing + kinds
    steps = []
    for which in (0, 1):
        runs = [n if k[which] else 1 for n, k in zip(sizes, kinds, strict=True)]
        steps.append(tuple(prod(runs[i + 1 :]) if k[which] else 0 for i, k in enumerate(kinds)))
    return Axes(tuple(sizes), steps[0], steps[1])
