"""Which module of PyTorch's is which layer of ours: by names that are given, by paths, or by order."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from convnet.exchange.attributes import own_attributes
from convnet.exchange.torch.layouts import IGNORED, NAMES
from convnet.exchange.torch.state import Arrays
from convnet.layers import Layer
from convnet.model import Model

Module = dict[str, np.ndarray]  # a module's arrays by their last name: weight, bias, ...
_PREFIXES = ("module.", "_orig_mod.")  # that DataParallel and torch.compile put before all names


def group(arrays: Arrays) -> dict[str, Module]:
    """Return the arrays module by module, without counts that PyTorch keeps for itself."""
    modules: dict[str, Module] = defaultdict(dict)
    for prefix in _PREFIXES:
        if arrays and all(name.startswith(prefix) for name in arrays):
            arrays = {name.removeprefix(prefix): array for name, array in arrays.items()}
    for name, array in arrays.items():
        module, _, last = name.rpartition(".")
        if last not in IGNORED:
            modules[module][last] = array
    return dict(modules)


def match(
    model: Model,
    modules: Mapping[str, Module],
    names: Mapping[str, str] | None,
    ordered: bool,
    fits: Callable[[str, Layer], bool],
) -> tuple[str, list[tuple[str, Layer]]]:
    """Return the rule that was used, and the pairs of a module's name and its layer; ValueError if none applies.

    1. names={"features.0": "conv2d"} says it for every module.
    2. Paths: every module's name is a layer's name, or the path of attributes to it, "layer1.0.conv1".
    3. Order: as many modules as layers with parameters, one after the other.
    4. Shapes, for a file of safetensors, which keeps no order: each layer takes the first module that fits, by names
       with numbers as numbers. Names of equal shapes must differ in nothing but numbers.
    """
    layers = [layer for layer in layers_in_order(model) if layer.own_parameters]
    for layer in layers:
        if type(layer).__name__ not in NAMES:
            raise ValueError(f"{layer.name}: no module of PyTorch is known to be a {type(layer).__name__}")
    if names is not None:
        return "names", _by_names(layers, modules, names)
    addresses = dict(_addresses(model))
    if modules and all(name in addresses for name in modules):
        return "paths", _complete(layers, [(name, addresses[name]) for name in modules])
    if len(modules) != len(layers):
        raise ValueError(
            f"the file has {len(modules)} modules with parameters, the model {len(layers)} layers with parameters, and "
            f"their names differ. {_both(layers, modules)}"
        )
    if ordered:
        return "order", list(zip(modules, layers, strict=True))
    listed = sorted(modules, key=_natural)
    _check_order(listed, modules, layers)
    return "shapes", list(_by_shapes(layers, listed, fits))


def layers_in_order(model: Model) -> list[Layer]:
    """Return the layers that compute, in the order of their first call."""
    found: list[Any] = model.training_graph().layers
    return found


def _by_names(layers: list[Layer], modules: Mapping[str, Module], names: Mapping[str, str]) -> list[tuple[str, Layer]]:
    by_name = {layer.name: layer for layer in layers}
    for module, layer in names.items():
        if module not in modules:
            raise ValueError(f"names: the file has no module {module!r}; it has {', '.join(modules)}")
        if layer not in by_name:
            raise ValueError(f"names: the model has no layer {layer!r} with parameters; it has {', '.join(by_name)}")
    return _complete(layers, [(module, by_name[layer]) for module, layer in names.items()])


def _by_shapes(
    layers: list[Layer], listed: list[str], fits: Callable[[str, Layer], bool]
) -> Iterator[tuple[str, Layer]]:
    left = list(listed)
    for layer in layers:
        found = next((name for name in left if fits(name, layer)), left[0])  # the first one's error says why
        left.remove(found)
        yield found, layer


def _complete(layers: list[Layer], pairs: list[tuple[str, Layer]]) -> list[tuple[str, Layer]]:
    """Return the pairs; ValueError unless every layer is in one of them."""
    times = Counter(layer for _, layer in pairs)
    for layer in layers:
        if times[layer] != 1:
            raise ValueError(f"layer {layer.name!r} is given {times[layer]} modules of the file; every layer needs one")
    return pairs


def _addresses(model: Model) -> Iterator[tuple[str, Layer]]:
    """Yield each layer under its name, and under the path of attributes that leads to it."""
    for layer in layers_in_order(model):
        yield layer.name, layer
    yield from _paths(model, "", set())


def _paths(value: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Layer]]:
    if isinstance(value, Layer):
        if id(value) in seen:
            return
        seen.add(id(value))
        if path:
            yield path, value
        inner: Any = own_attributes(value).items()
    elif isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, (list, tuple)):
        inner = enumerate(value)
    else:
        return
    for key, item in inner:
        yield from _paths(item, f"{path}.{key}" if path else str(key), seen)


def _natural(name: str) -> tuple[tuple[bool, int, str], ...]:
    """Return a key that sorts numbers as numbers: conv2 before conv10."""
    return tuple(
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name)
    )


def _check_order(listed: list[str], modules: Mapping[str, Module], layers: list[Layer]) -> None:
    """Raise ValueError for two names of one set of shapes that an alphabet alone puts in order."""
    stems: dict[Any, tuple[str, str]] = {}
    for name in listed:
        shapes = tuple(sorted((last, array.shape) for last, array in modules[name].items()))
        stem = re.sub(r"\d+", "#", name)
        other, first = stems.setdefault(shapes, (stem, name))
        if other != stem:
            raise ValueError(
                f"{first!r} and {name!r} have arrays of the same shapes, and a .safetensors file does not keep the "
                f"order of modules. Say which layer each is: names={{{first!r}: {layers[0].name!r}, ...}}, or give the "
                f"model PyTorch's names as attributes. {_both(layers, modules)}"
            )


def _both(layers: list[Layer], modules: Mapping[str, Module]) -> str:
    return f"Modules: {', '.join(modules)}. Layers: {', '.join(layer.name for layer in layers)}"
