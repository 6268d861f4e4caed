"""The names of layers that are not given one."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

_names: Counter[str] = Counter()
_counting = threading.Lock()


class _Trial(threading.local):
    """The numbers that a thread takes while it only tries something out."""

    names: Counter[str] | None = None


_trial = _Trial()


def snake_case(class_name: str) -> str:
    """Return a class's name as Keras writes it for a layer: conv2d, max_pooling2d."""
    snake = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", class_name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", snake).lower()


def full_name(name: str) -> str:
    """Return the class that Keras also calls MaxPool2D, GlobalAvgPool2D, Convolution2D: the longer or newer name."""
    name = re.sub(r"(?<=Avg|Max)Pool(?=[123]D)", "Pooling", name).replace("Convolution", "Conv")
    return name.replace("AvgPooling", "AveragePooling")


def unique_name(class_name: str) -> str:
    """Return conv2d, conv2d_1, conv2d_2 ... as Keras numbers its layers."""
    snake = snake_case(class_name)
    names = _names if _trial.names is None else _trial.names
    with _counting:
        names[snake] += 1
        count = names[snake]
    return snake if count == 1 else f"{snake}_{count - 1}"


def require_names(where: str, layers: Iterable[Any]) -> None:
    """Raise ValueError if two different layers have one name."""
    named: dict[str, Any] = {}
    for layer in layers:
        if named.setdefault(layer.name, layer) is not layer:
            raise ValueError(f"{where}: two layers are called {layer.name!r}: give one of them another name=")


@contextmanager
def unnumbered() -> Iterator[None]:
    """Keep the numbering as it is: layers made inside, to try something out, take no numbers."""
    before, _trial.names = _trial.names, _names.copy()
    try:
        yield
    finally:
        _trial.names = before


@contextmanager
def numbered_anew() -> Iterator[None]:
    """Begin the numbers again: what is made inside has the same names whatever was made before."""
    before, _trial.names = _trial.names, Counter()
    try:
        yield
    finally:
        _trial.names = before


def prefix_names(layer: Any, prefix: str) -> None:
    """Put a prefix before the names of a layer, of all layers in it and of their parameters."""
    found, waiting = dict.fromkeys([layer]), [layer]
    while waiting:
        new = [inner for inner in waiting.pop().layers if inner not in found]
        found |= dict.fromkeys(new)
        waiting += new
    for each in found:
        each.name = f"{prefix}{each.name}"
        for parameter in each.own_parameters:
            parameter.name = f"{prefix}{parameter.name}"
