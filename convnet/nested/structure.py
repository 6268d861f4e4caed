"""How a model's inputs or outputs are given: one, or a list, tuple or dict of them, nested as the user likes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_NESTED = (list, tuple, dict)


def leaves(given: Any) -> list[Any]:
    """Return what is in nested lists, tuples and dicts, in order; a dict's by its sorted keys, as Keras does."""
    if isinstance(given, dict):
        return [leaf for key in sorted(given) for leaf in leaves(given[key])]
    if isinstance(given, (list, tuple)):
        return [leaf for item in given for leaf in leaves(item)]
    return [given]


def skeleton_of(given: Any) -> Any:
    """Return the same lists, tuples and dicts with None for what is in them: plain JSON."""
    if isinstance(given, dict):
        return {key: skeleton_of(given[key]) for key in sorted(given)}
    if isinstance(given, (list, tuple)):
        return [skeleton_of(item) for item in given]
    return None


def rebuild(skeleton: Any, flat: Iterable[Any]) -> Any:
    """Put leaves back into the lists and dicts of a skeleton."""
    return _rebuild(skeleton, iter(flat))


def _rebuild(skeleton: Any, flat: Any) -> Any:
    if isinstance(skeleton, dict):
        return {key: _rebuild(part, flat) for key, part in skeleton.items()}
    if isinstance(skeleton, list):
        return [_rebuild(part, flat) for part in skeleton]
    return next(flat)


@dataclass(frozen=True)
class Structure:
    """The skeleton of a model's inputs or outputs, and a name for each."""

    skeleton: Any = None
    names: tuple[str, ...] = ("input",)

    @classmethod
    def of(cls, given: Any, names: Iterable[str]) -> Structure:
        """Return the structure of nodes or arrays; a list of one is that one, and a dict's keys are its names."""
        skeleton = skeleton_of(given)
        if skeleton == [None]:
            skeleton = None
        flat = isinstance(skeleton, dict) and not any(skeleton.values())
        return cls(skeleton, tuple(skeleton) if flat else _distinct(names))

    @property
    def bare(self) -> bool:
        """True for one that stands by itself."""
        return self.skeleton is None

    def build(self, flat: Iterable[Any]) -> Any:
        """Return leaves in the user's structure."""
        return rebuild(self.skeleton, flat)

    def take(self, where: str, what: str, given: Any) -> list[Any]:
        """Return the leaves of what a user gave, in order; ValueError if it has another structure.

        Dicts are matched by key; so are the names of a model whose inputs or outputs are one, or a list.
        """
        if self.bare:
            return [self._bare(where, what, given)]
        found = self.skeleton
        if isinstance(found, list) and isinstance(given, dict) and not any(found):
            return self._by_name(where, what, given)
        return list(self._walk(where, what, found, given))

    def _bare(self, where: str, what: str, given: Any) -> Any:
        if isinstance(given, dict):
            return self._by_name(where, what, given)[0]
        alone = isinstance(given, (list, tuple)) and len(given) == 1 and len(getattr(given[0], "shape", ()))
        return given[0] if alone else given

    def _by_name(self, where: str, what: str, given: dict[str, Any]) -> list[Any]:
        missing = [name for name in self.names if name not in given]
        if missing:
            raise ValueError(
                f"{where}: {what} lacks {missing[0]!r}; the model has {', '.join(self.names)}, "
                f"the dict has {', '.join(map(str, given))}"
            )
        unused = [str(key) for key in given if key not in self.names]
        if unused:
            warnings.warn(f"{where}: {what} has {', '.join(unused)}, which the model does not use", stacklevel=2)
        return [given[name] for name in self.names]

    def _walk(self, where: str, what: str, skeleton: Any, given: Any) -> Iterable[Any]:
        if skeleton is None:
            yield given
        elif isinstance(skeleton, dict) and isinstance(given, dict) and set(skeleton) <= set(given):
            for key, part in skeleton.items():
                yield from self._walk(where, what, part, given[key])
        elif isinstance(skeleton, list) and isinstance(given, (list, tuple)) and len(given) == len(skeleton):
            for part, item in zip(skeleton, given, strict=True):
                yield from self._walk(where, what, part, item)
        else:
            got = f"{len(given)} in a {type(given).__name__}" if isinstance(given, _NESTED) else type(given).__name__
            raise ValueError(f"{where}: {what} must be {self}; got {got}")

    def __str__(self) -> str:
        listed = ", ".join(self.names)
        if self.bare:
            return f"one array ({listed})"
        if isinstance(self.skeleton, dict):
            return f"a dict of {len(self.skeleton)} arrays with the keys {', '.join(map(str, self.skeleton))}"
        return f"a list of {len(self.skeleton)} arrays in this order, or a dict of them by name: {listed}"


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names, a later one that repeats an earlier one with a number."""
    found: dict[str, None] = {}
    for name in names:
        number, free = 0, name
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found[free] = None
    return tuple(found)
