"""The names of model files: those of other programs are written and read by `convnet.exchange`, or refused."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

_OTHERS = {
    **dict.fromkeys((".keras", ".h5", ".hdf5"), "Keras"),
    ".onnx": "ONNX",
    **dict.fromkeys((".pt", ".pth"), "PyTorch"),
    **dict.fromkeys((".pb", ".tflite"), "TensorFlow"),
}
_INSTEAD = {
    "Keras": "convnet.exchange.load_keras reads .keras files, model.load_weights reads .weights.h5 files, "
    "model.save('m.keras') and model.save_weights('m.weights.h5') write them",
    "ONNX": "convnet.exchange.load_onnx reads them, model.export('m.onnx') writes them",
    "PyTorch": "model.load_torch reads a state_dict",
}
# who writes what; found by name, since exchange is made of models
_WRITERS = {".keras": "convnet.exchange.keras.saving:save"}
_WEIGHT_READERS = dict.fromkeys((".keras", ".h5"), "convnet.exchange.keras:load_weights")


def find_writer(filepath: str | Path) -> Callable[..., Any] | None:
    """Return what writes a model as another program's file of this name; None for a name of ours."""
    return _find(_WRITERS, filepath)


def find_weight_reader(filepath: str | Path) -> Callable[..., Any] | None:
    """Return what reads the parameters of another program's file of this name; None for a name of ours."""
    return _find(_WEIGHT_READERS, filepath)


def check_writable(filepath: str | Path) -> Path:
    """Return a path that a model can be saved to; ValueError for a name of files that cannot be written."""
    return Path(filepath) if Path(filepath).suffix.lower() in _WRITERS else check_path(filepath)


def find(place: str) -> Any:
    """Return "module:name", imported now."""
    module, name = place.split(":")
    return getattr(import_module(module), name)


def _find(table: dict[str, str], filepath: str | Path) -> Callable[..., Any] | None:
    place = table.get(Path(filepath).suffix.lower())
    return find(place) if place else None


def check_path(filepath: str | Path, error: type[ValueError] = ValueError) -> Path:
    """Return a path for a model file of ours; ValueError for a name that promises another program's format."""
    path = Path(filepath)
    program = _OTHERS.get(path.suffix.lower())
    if program:
        hint = f". {_INSTEAD[program]}" if program in _INSTEAD else ""
        raise error(f"{path}: is a name of {program}'s files; this engine's model files end in .safetensors{hint}")
    return path
