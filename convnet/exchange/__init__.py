"""Models and parameters from and for other libraries: read from their files, written as files that they load."""

from importlib import import_module
from typing import Any

from convnet.utils import name_what_exists

_HOMES: dict[str, str] = {
    "load_onnx": "convnet.exchange.onnx.importing"
}  # what this room offers, and the module that has it: imported when it is first used
__all__: list[str] = ["load_onnx"]
_missing = name_what_exists("convnet.exchange", __all__)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    return _missing(name)
