"""A PyTorch state_dict as arrays by name: from safetensors, or by PyTorch itself with weights_only=True."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from convnet.model_file import ModelFileError

WRAPPERS = ("state_dict", "model_state_dict", "model")  # keys under which training scripts keep it in a checkpoint
MOST_ARRAYS = 100_000

Arrays = dict[str, np.ndarray]


def read(source: str | Path | Mapping[str, Any]) -> tuple[Arrays, bool]:
    """Return the arrays by name, and True if they come in the order in which the network registered them.

    safetensors sorts its names, so its order says nothing. ModelFileError for a file that is neither.
    """
    if isinstance(source, Mapping):
        return _arrays(source, "load_torch"), True
    if not isinstance(source, (str, PathLike)):
        raise TypeError(
            f"load_torch: expects a .safetensors or .pt file, or a state_dict, got {type(source).__name__}"
            + (": give its state_dict()" if hasattr(source, "state_dict") else "")
        )
    path = Path(source)
    if not path.is_file():
        raise ModelFileError(f"{path}: no such file")
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path), False
    return _arrays(_unwrap(_read_torch(path), path), str(path)), True


def _read_safetensors(path: Path) -> Arrays:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError, LookupError, MemoryError) as error:
        raise ModelFileError(f"{path}: not a safetensors file, damaged, or of a type NumPy lacks: {error}") from None


def _read_torch(path: Path) -> Any:
    try:
        import torch
    except ImportError:
        raise ImportError(
            f"{path}: a .pt file is a pickle, which only PyTorch reads safely, and PyTorch is not installed. Convert "
            "it where it is: safetensors.torch.save_file(model.state_dict(), 'model.safetensors')"
        ) from None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever PyTorch raises for a file that it refuses
        reason = str(error).strip().splitlines()
        raise ModelFileError(
            f"{path}: PyTorch does not read it with weights_only=True: {reason[0] if reason else type(error).__name__} "
            "Save model.state_dict(), not the model"
        ) from None


def _unwrap(found: Any, path: Path) -> Mapping[str, Any]:
    """Return the state_dict of a checkpoint that holds more than it."""
    if not isinstance(found, Mapping):
        raise ModelFileError(f"{path}: holds a {type(found).__name__}, not a state_dict: save model.state_dict()")
    for key in WRAPPERS:
        if isinstance(found.get(key), Mapping):
            return found[key]
    return found


def _arrays(state: Mapping[str, Any], where: str) -> Arrays:
    if len(state) > MOST_ARRAYS:
        raise ModelFileError(f"{where}: has {len(state)} arrays; up to {MOST_ARRAYS} can be read")
    return {str(name): _array(value, f"{where}: {name}") for name, value in state.items()}


def _hint(where: str, value: Any) -> str:
    """Return which part of a checkpoint is meant."""
    return f", checkpoint[{where.rpartition(': ')[2]!r}]" if isinstance(value, Mapping) else ""


def _array(value: Any, where: str) -> np.ndarray:
    """Return a tensor of any kind as an array of numbers."""
    if isinstance(value, np.ndarray):
        return value
    if not hasattr(value, "detach"):
        raise ModelFileError(
            f"{where} is a {type(value).__name__}, not a tensor: give the state_dict itself{_hint(where, value)}"
        )
    tensor = value.detach().cpu()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
