"""PyTorch's parameters: a state_dict, read into a model of the same layers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from convnet.exchange.torch import state
from convnet.exchange.torch.flattening import find_orders
from convnet.exchange.torch.layouts import IGNORED, NAMES, convert, find_parameter
from convnet.exchange.torch.matching import Module, group, match
from convnet.exchange.torch.report import Match, Report
from convnet.layers import Layer
from convnet.model import Model
from convnet.model_file import ModelFileError

_EPSILON = {"BatchNormalization": 1e-5, "LayerNormalization": 1e-5, "GroupNormalization": 1e-5}  # PyTorch's defaults


def load_torch(model: Model, source: Any, names: Mapping[str, str] | None = None) -> Report:
    """Copy a state_dict into a built model, and return what matched; on any error nothing is changed.

    source   a file, .safetensors or (by PyTorch, with weights_only=True) .pt or .pth; or a state_dict
    names    {module of PyTorch's: layer here}, if the rules of `matching.match` do not find it
    """
    arrays, ordered = state.read(source)
    where = "load_torch" if isinstance(source, Mapping) else str(Path(source))
    graph = model.training_graph()
    try:
        modules = group(arrays)
        orders = find_orders(graph)

        def fits(name: str, layer: Layer) -> bool:
            with suppress(ValueError):
                return bool(_fit(name, modules[name], layer, orders.get(layer), Report("")))
            return False

        rule, pairs = match(model, modules, names, ordered, fits)
        report, copies = Report(rule), []
        for name, layer in pairs:
            copies += _fit(name, modules[name], layer, orders.get(layer), report)
    except ValueError as error:
        raise ModelFileError(f"{where}: {error}") from None
    report.unused = [name for name in arrays if name.rsplit(".", 1)[-1] in IGNORED]
    with model.plans.alone():
        for parameter, array in copies:
            parameter.value[...] = array
    return report


def _fit(name: str, module: Module, layer: Layer, order: Any, report: Report) -> list[tuple[Any, np.ndarray]]:
    """Return the layer's parameters with the module's arrays, converted; ValueError unless each has one that fits."""
    copies, missing = [], {id(p): p for p in layer.own_parameters}
    for last, array in module.items():
        parameter = find_parameter(layer, last)
        if parameter is None:
            raise ValueError(
                f"{name}.{last} of shape {array.shape} has no place in {type(layer).__name__} {layer.name!r}, which "
                f"takes {', '.join(k for k in NAMES[type(layer).__name__] if find_parameter(layer, k) is not None)}"
            )
        try:
            change = convert(layer, last, array, parameter.shape, order)
        except ValueError as error:
            raise ValueError(f"{name}.{last} for layer {layer.name!r}: {error}") from None
        if change.array.shape != parameter.shape:
            raise ValueError(
                f"{name}.{last} is {array.shape}, here {change.array.shape}; {parameter.name} needs {parameter.shape}"
            )
        copies.append((parameter, change.array))
        report.matched.append(Match(f"{name}.{last}", parameter.name, array.shape, parameter.shape, change.words))
        missing.pop(id(parameter), None)
    if missing:
        lacking = ", ".join(p.name for p in missing.values())
        raise ValueError(f"{name} has {', '.join(module)}, and nothing for {lacking} of layer {layer.name!r}")
    _note(layer, report)
    return copies


def _note(layer: Layer, report: Report) -> None:
    usual, epsilon = _EPSILON.get(type(layer).__name__), getattr(layer, "epsilon", None)
    if usual is not None and epsilon != usual:
        report.notes.append(
            f"{layer.name} has epsilon={epsilon}, which the file does not hold; PyTorch's default is {usual}"
        )
