"""A tiny Keras-like layer and model API over `kernels` (formula-convnet's own package).

Keras's names and meanings: in the usual Keras listing, replace `tf.keras` by `convnet`. Everything is imported when
it is first used, so `import convnet` costs milliseconds.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convnet.layers import Input
    from convnet.model import Model, load
    from convnet.sequential import Sequential
    from convnet.utils import set_random_seed

__version__ = "0.1.0"

_MODULES = (
    "callbacks",
    "data",
    "exchange",
    "explain",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "regularizers",
    "utils",
)
_HOMES = {
    "Model": "convnet.model",
    "Sequential": "convnet.sequential",
    "Input": "convnet.layers",
    "load": "convnet.model",
    "set_random_seed": "convnet.utils",
}
__all__ = ["Input", "Model", "Sequential", "load", "set_random_seed"]


def _check_kernels() -> None:
    """Another project's `kernels` may stand before ours: say so at once, not by a strange error later."""
    try:
        from kernels.identity import check
    except ImportError:
        spec = find_spec("kernels")
        raise ImportError(
            f"formula-convnet: Python finds another project's 'kernels' at {spec.origin if spec else 'no file'}. "
            "Uninstall it (pip uninstall kernels), then reinstall formula-convnet, best in a fresh virtual environment."
        ) from None
    check("kernels")


_check_kernels()


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"convnet.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'convnet' has no attribute {name!r}; it has {', '.join((*_HOMES, *_MODULES))}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_HOMES})
