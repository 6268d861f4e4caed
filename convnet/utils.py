"""Random seeds, and the check for arguments that Keras has and this engine lacks."""

import threading
from collections.abc import Callable, Iterable
from functools import cache
from inspect import Parameter, signature
from typing import Any

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


def next_seed() -> int:
    """Return a fresh 63-bit seed from the stream."""
    if _streams.own is not None:
        return int(_streams.own.integers(2**63))
    with _drawing:
        return int(_common.integers(2**63))


def refuse(where: str, given: dict[str, Any], supported: Iterable[str]) -> None:
    """Raise TypeError naming the arguments that are not supported; Keras's way of saying "none" (None) passes."""
    unknown = sorted(name for name, value in given.items() if value is not None)
    if unknown:
        raise TypeError(
            f"{where}: {', '.join(unknown)} not supported (Keras may have it, this engine does not); "
            f"supported: {', '.join(supported)}"
        )


@cache
def list_arguments(function: Callable, without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the names of a function's arguments for `refuse`: not `self`, `**unknown`, nor those that it refuses."""
    skipped = {"self", *without}
    named = (p for p in signature(function).parameters.values() if p.kind is not Parameter.VAR_KEYWORD)
    return tuple(p.name for p in named if p.name not in skipped)
