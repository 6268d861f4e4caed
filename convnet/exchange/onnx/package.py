"""The `onnx` package, imported when it is first needed: it is an extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any

PRODUCER = "formula-convnet"  # of the files that are written here


def onnx(module: str = "") -> Any:
    """Return the onnx package or a module of it; ImportError that says how to install it."""
    try:
        import_module("onnx")
    except ImportError as error:
        raise ImportError(f"ONNX files need the onnx package: pip install 'formula-convnet[onnx]' ({error})") from None
    return import_module(f"onnx.{module}" if module else "onnx")
