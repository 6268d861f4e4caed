"""Models and parameters from and for other libraries: read from their files, written as files that they load."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from convnet.utils import name_what_exists

if TYPE_CHECKING:
    from convnet.exchange.keras import load_keras
    from convnet.exchange.onnx.importing import load_onnx
    from convnet.exchange.torch import load_torch

_HOMES = {  # what this room offers, and the module that has it: imported when it is first used
    "load_keras": "convnet.exchange.keras",
    "load_onnx": "convnet.exchange.onnx.importing",
    "load_torch": "convnet.exchange.torch",
}
__all__ = ["load_keras", "load_onnx", "load_torch"]
_missing = name_what_exists("convnet.exchange", __all__)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    return _missing(name)
