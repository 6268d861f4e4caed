"""The attributes in which a user's class keeps its layers: other libraries name parameters by them."""

from __future__ import annotations

from functools import cache
from typing import Any

from convnet.layers import Layer
from convnet.layers.naming import unnumbered
from convnet.model import Model


def own_attributes(layer: Layer) -> dict[str, Any]:
    """Return a layer's or model's attributes that may hold layers, without those that are the engine's."""
    engines = _engine_attributes()
    kinds = (Layer, list, tuple, dict)
    return {name: v for name, v in vars(layer).items() if name not in engines and isinstance(v, kinds)}


@cache
def _engine_attributes() -> frozenset[str]:
    with unnumbered():
        return frozenset({*vars(Model()), *vars(Layer()), "stack", "wired_layers"})
