"""What happens around a fork, in one order: the locks that are taken first by every thread are taken first here too."""

from __future__ import annotations

# These hold their own locks while a process forks, and Numba logs while it compiles. What is registered last is called
# first: they must be registered before us, so that our locks are taken before theirs.
import concurrent.futures.thread  # noqa: F401
import logging  # noqa: F401
import os
from typing import Protocol


class AtFork(Protocol):
    """Whoever keeps a forked child from inheriting a half-finished state of another thread."""

    def before(self) -> None:
        """Wait for what other threads are in the middle of, and hold it up."""

    def parent(self) -> None:
        """Let them go on."""

    def child(self) -> None:
        """Let go, and forget the threads that this process does not have."""


_models: list[AtFork] = []  # a thread that holds a model's lock may go on to compile, never the other way round
_compilers: list[AtFork] = []


def register_models(one: AtFork) -> None:
    """Add a holder of locks that a thread takes before it compiles."""
    _models.append(one)


def register_compiler(one: AtFork) -> None:
    """Add a holder of the locks that a thread takes while it compiles."""
    _compilers.append(one)


def _before() -> None:
    for one in (*_models, *_compilers):
        one.before()


def _parent() -> None:
    for one in (*_compilers, *_models):
        one.parent()


def _child() -> None:
    for one in (*_compilers, *_models):
        one.child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_parent, after_in_child=_child)
