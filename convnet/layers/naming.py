"""The names of layers that are not given one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_names: Counter[str] = Counter()


def unique_name(class_name: str) -> str:
    """Return conv2d, conv2d_1, conv2d_2 ... as Keras numbers its layers."""
    snake = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", class_name)
    snake = re.sub("([a-z])([A-Z])", r"\1_\2", snake).lower()
    _names[snake] += 1
    return snake if _names[snake] == 1 else f"{snake}_{_names[snake] - 1}"


@contextmanager
def unnumbered() -> Iterator[None]:
    """Keep the numbering as it is: layers made inside, to try something out, take no numbers."""
    before = _names.copy()
    try:
        yield
    finally:
        _names.clear()
        _names.update(before)
