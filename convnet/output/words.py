"""Numbers of things in words."""

from __future__ import annotations

PLURALS = {"study": "studies", "series": "series", "class": "classes"}


def count(n: int, what: str) -> str:
    """Return "1 image", "2 images"; of several words the last one takes the plural."""
    if n == 1:
        return f"{n} {what}"
    last = what.split()[-1]
    return f"{n} {what.removesuffix(last)}{PLURALS.get(last, last + 's')}"
