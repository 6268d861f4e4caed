"""What Keras writes into config.json for an object, {"class_name": ..., "config": ...}, read as arguments of ours."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from convnet import initializers
from convnet.layers.naming import snake_case

_ROOMS = ("losses", "metrics", "optimizers")  # whose classes may stand as arguments


def arguments(config: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Return the arguments of a layer, loss, metric or optimizer as this engine takes them.

    `notes` gets a line for what is left at its default: an initializer that only Keras has, since the file has numbers.
    """
    found = {name: _value(name, given, notes) for name, given in config.items() if name != "quantization_config"}
    return {name: given for name, given in found.items() if given is not _LEFT_OUT}


_LEFT_OUT = object()


def _value(name: str, given: Any, notes: list[str]) -> Any:
    if isinstance(given, list):
        return tuple(_value(name, item, notes) for item in given)
    if not isinstance(given, dict) or "class_name" not in given:
        return given
    kind, module, config = str(given["class_name"]), str(given.get("module") or ""), given.get("config")
    if kind == "DTypePolicy":
        return config["name"]  # type: ignore[index]
    if kind == "__tuple__":
        return tuple(_value(name, item, notes) for item in given["items"])
    if name.endswith("_initializer"):
        return _initializer(name, kind, notes)
    if name.endswith("_regularizer") and module.startswith("keras."):
        return given  # regularizers.get reads Keras's form
    if kind == "function":
        return config if isinstance(config, str) else config["name"]  # type: ignore[index]
    return make(kind, module, config, notes, name)


def make(kind: str, module: str, config: Any, notes: list[str], what: str) -> Any:
    """Return the object of ours that has the class and the module of Keras's; ValueError if there is none."""
    room = "optimizers" if "optimizers" in module else module.split(".")[-1]
    if not (module.startswith("keras.") and room in _ROOMS and isinstance(config, dict)) or kind.startswith("_"):
        raise ValueError(f"{what}: {module}.{kind} is not known here")
    if find_spec(f"convnet.{room}") is None:
        raise ValueError(f"{what}: {kind} is not supported")
    found = getattr(import_module(f"convnet.{room}"), kind)  # AttributeError lists what there is
    if not isinstance(found, type):
        raise ValueError(f"{what}: convnet.{room}.{kind} is no class")
    return found(**arguments(config, notes))


def _initializer(name: str, kind: str, notes: list[str]) -> Any:
    if snake_case(kind) in initializers.BY_NAME:
        return snake_case(kind)
    notes.append(f"{name}={kind}: only Keras has it; the parameters come from the file")
    return _LEFT_OUT
