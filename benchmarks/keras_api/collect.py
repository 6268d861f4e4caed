"""Keras's public names and their arguments, asked of the installed package and kept as keras.json.

pip install keras torch && KERAS_BACKEND=torch python -m benchmarks.keras_api collect
"""

from __future__ import annotations

import inspect
import json
from importlib import import_module
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("keras.json")
ROOMS = ("layers", "losses", "metrics", "optimizers", "optimizers.schedules", "callbacks", "initializers",
         "regularizers", "constraints", "activations", "utils")  # fmt: skip
CLASSES = ("Model", "Sequential")  # whose methods are listed as well
INTERNAL = ("rank", "pool_mode", "pool_dimensions")  # arguments between Keras's classes
HELPERS = ("serialize", "deserialize", "get")  # every room of Keras has them


def collect() -> None:
    """Write keras.json."""
    import keras

    rooms = {room: _room(keras, room) for room in ROOMS}
    methods = {name: _methods(getattr(keras, name)) for name in CLASSES}
    content = {"keras": {"version": keras.__version__}, "rooms": rooms, "methods": methods}
    FILE.write_text(_lines(content) + "\n")


def _lines(content: dict[str, Any]) -> str:
    """Return JSON with one name a line."""
    if not all(isinstance(v, dict) for v in content.values()) or "arguments" in content:
        return json.dumps(content)
    return "{\n" + ",\n".join(f"{json.dumps(k)}: {_lines(v)}" for k, v in content.items()) + "\n}"


def _room(keras: Any, room: str) -> dict[str, Any]:
    """Return a room's names: a class or function with its arguments, or another name of one."""
    module = import_module(f"keras.{room}")
    found = {}
    for name in dir(module):
        thing = getattr(module, name)
        if name.startswith("_") or not callable(thing) or name in HELPERS:
            continue
        own = getattr(thing, "__name__", name)
        if own != name and getattr(module, own, None) is thing:
            found[name] = {"alias": own}
        elif isinstance(thing, type) and name != name.lower():
            found[name] = {"arguments": _arguments(thing)}
        elif not isinstance(thing, type):
            found[name] = {"arguments": _of(thing)}
        else:
            found[name] = {"alias": own}
    return found


def _methods(cls: type) -> dict[str, Any]:
    """Return the methods that Keras documents, not those of the backend's class of modules."""
    found = {n: getattr(cls, n) for n in dir(cls) if not n.startswith("_") and inspect.isfunction(getattr(cls, n))}
    homes = {n: f.__module__ for n, f in found.items()}
    own = {n: f for n, f in found.items() if homes[n].endswith("trainer") or _is_documented(homes[n])}
    return {"__init__": {"arguments": _arguments(cls)}, **{n: {"arguments": _of(f)} for n, f in own.items()}}


def _is_documented(module: str) -> bool:
    return module.startswith("keras.") and ".backend." not in module


def _arguments(cls: type) -> dict[str, Any]:
    """Return a constructor's arguments; where it passes others on, those of the next class that takes them."""
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        function = vars(base)["__init__"]
        given = {n: d for n, d in _of(function).items() if n not in INTERNAL}
        found |= {n: d for n, d in given.items() if n not in found and (d or base is cls)}
        kinds = [p.kind for p in inspect.signature(function).parameters.values()]
        if inspect.Parameter.VAR_KEYWORD not in kinds or base.__name__ in ("Layer", "Operation"):
            break
    return found


def _of(function: Any) -> dict[str, Any]:
    skipped = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = inspect.signature(function).parameters.values()
    return {p.name: _default(p) for p in parameters if p.name != "self" and p.kind not in skipped}


def _default(parameter: inspect.Parameter) -> Any:
    """Return [] for an argument that has none, [default] as JSON, or the default as text where JSON has no word."""
    if parameter.default is inspect.Parameter.empty:
        return []
    try:
        return [json.loads(json.dumps(parameter.default))]
    except TypeError:
        return [repr(parameter.default)]
