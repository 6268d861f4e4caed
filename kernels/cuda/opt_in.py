"""The passes of a variant that has its products made by tensor cores: chosen by name, never a default."""

from functools import partial, wraps
from types import ModuleType

import numpy as np

from kernels.cuda.copies import are_asynchronous

PASSES = ("forward", "backward_data", "backward_weights")


def passes(module: ModuleType, how: str):
    """Return (forward, backward_data, backward_weights) of `module`, with what multiplies (`cores.core`)."""
    return tuple(wraps(getattr(module, name))(partial(_run, getattr(module, name), how)) for name in PASSES)


def _run(function, how, *args, **settings):
    first = args[0]
    if first.dtype != np.float32:
        raise TypeError(f"cuda_{how}: tensor cores multiply float32, got {first.dtype}: choose variant='cuda'")
    if not are_asynchronous(first.target):
        raise RuntimeError(f"cuda_{how}: a GPU of compute capability 8.0 or later is needed: choose variant='cuda'")
    function(*args, **settings, how=how)
