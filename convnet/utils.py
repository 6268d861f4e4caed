"""Random seeds, and the check for arguments that Keras has and this engine lacks."""

import threading
from collections.abc import Callable, Iterable
from functools import cache
from inspect import Parameter, signature
from typing import Any, NoReturn

import numpy as np


class _Streams(threading.local):
    """The stream of random numbers of each thread that has one of its own."""

    own: np.random.Generator | None = None


_common = np.random.Generator(np.random.Philox())  # of the main thread, and of threads that have none of their own
_streams = _Streams()
_drawing = threading.Lock()


def set_random_seed(seed: int) -> None:
    """Start the stream that parameters, shuffling and dropout draw from: same seed, same machine, same bits.

    In a thread other than the main one it starts a stream of that thread's own: two threads that train two models, each
    after a seed of its own, do not disturb each other. Threads without a seed draw from the main thread's stream.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"set_random_seed: seed must be an integer >= 0, got {seed!r}")
    global _common
    started = np.random.Generator(np.random.Philox(seed))
    if threading.current_thread() is threading.main_thread():
        _common = started
    else:
        _streams.own = started


def random_stream() -> np.random.Generator:
    """Return the stream that this thread draws its seeds from."""
    return _common if _streams.own is None else _streams.own


def next_seed() -> int:
    """Return a fresh 63-bit seed from the stream."""
    if _streams.own is not None:
        return int(_streams.own.integers(2**63))
    with _drawing:
        return int(_common.integers(2**63))


def refuse(where: str, given: dict[str, Any], supported: Iterable[str], defaults: dict[str, Any] | None = None) -> None:
    """Raise TypeError naming the arguments that are not supported.

    Keras's way of saying "none" (None) passes, and so does a value that is Keras's own default (`defaults`): a listing
    may spell it out.
    """
    known = {} if defaults is None else defaults
    unknown = sorted(
        name for name, value in given.items() if value is not None and not (name in known and _same(value, known[name]))
    )
    if unknown:
        raise TypeError(
            f"{where}: {', '.join(unknown)} not supported (Keras may have it, this engine does not); "
            f"supported: {', '.join(supported)}"
        )


def _same(value: Any, default: Any) -> bool:
    """Return True if an argument has its default value, of its type: 0 is not False."""
    return type(value) is type(default) and value == default


def name_what_exists(module: str, names: Iterable[str]) -> Callable[[str], NoReturn]:
    """Return a module's `__getattr__`, whose AttributeError lists what the module has."""
    listed = tuple(names)

    def missing(name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        raise AttributeError(
            f"{module} has no {name!r} (Keras may have it, this engine does not); it has {', '.join(listed)}"
        )

    return missing


def check_name(where: str, name: Any) -> str | None:
    """Return an object's name, or None for the default; TypeError for anything but text.

    An argument given by position that lands here is one too many: it must not be dropped.
    """
    if name is not None and not isinstance(name, str):
        raise TypeError(f"{where}: name must be text, got {name!r}; give arguments by keyword")
    return name


def check_flag(where: str, name: str, value: Any) -> bool:
    """Return a flag; TypeError for anything but True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{where}: {name} must be True or False, got {value!r}")
    return bool(value)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Return a batch as (x, y, sample_weight), with None for what it lacks; Keras's helper for an own `train_step`."""
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(f"a batch must be x, (x, y) or (x, y, sample_weight), got {len(data)} parts")
    return (*data, *[None] * (3 - len(data)))  # type: ignore[return-value]


@cache
def list_arguments(function: Callable, without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the names of a function's arguments for `refuse`: not `self`, `**unknown`, nor those that it refuses."""
    skipped = {"self", *without}
    named = (p for p in signature(function).parameters.values() if p.kind is not Parameter.VAR_KEYWORD)
    return tuple(p.name for p in named if p.name not in skipped)


__getattr__ = name_what_exists("convnet.utils", ["set_random_seed", "unpack_x_y_sample_weight"])
