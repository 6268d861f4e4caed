"""What makes a measurement worthless. Imports nothing: see `load_torch_first`."""

from __future__ import annotations

from importlib.util import find_spec


class WrongResultError(Exception):
    """A kernel computed something else than its formula: its time is of no interest."""


class ImpossibleError(Exception):
    """A figure above the measured roof: the measurement is wrong, and nothing is reported."""


def load_torch_first() -> None:
    """Import PyTorch, if it is here, before anything of kernels/.

    kernels/threads.py loads OpenMP so that idle threads soon sleep. Loaded after it, PyTorch would share that library,
    and take five times as long on small shapes; loaded first, it brings its own, as its users have it.
    """
    if find_spec("torch"):
        import torch  # noqa: F401
