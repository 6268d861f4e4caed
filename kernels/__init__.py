"""The operations of a convolutional network as stateless functions on arrays (formula-convnet's own package).

One folder an operation: README.md is the lesson, `reference.py` the formula, the other files the same function
made fast. `kernels.conv2d.forward(x, k)` is the way in; registry.py lists what there is. Variants for GPUs take arrays
that `kernels.targets.to_device` has put there, and return such arrays.
"""

from importlib import import_module
from types import ModuleType

from kernels import identity
from kernels.registry import OPERATIONS

identity.check("convnet")

__all__ = list(OPERATIONS)  # pyright: ignore


def __getattr__(name: str) -> ModuleType:
    """Import an operation's folder when it is first used: `import kernels` stays light."""
    if name in OPERATIONS:
        return import_module(f"kernels.{name}")
    raise AttributeError(f"module 'kernels' has no attribute {name!r}; its operations are {', '.join(OPERATIONS)}")
