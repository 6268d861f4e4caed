"""Settings that are changed after a layer was made: checked as the constructor checks them, and noticed by models."""

from __future__ import annotations

from typing import Any

from convnet import initializers

_count = 0
_ANY_NUMBER = 1 << 62


def count_changes() -> int:
    """Return how many settings of layers have been changed so far: a model that saw fewer makes its plans anew."""
    return _count


def note_change() -> None:
    """Count one more changed setting."""
    global _count
    _count += 1


def changed_setting(layer: Any, name: str, value: Any) -> Any:
    """Return a setting's new value in the constructor's normal form.

    ValueError if the constructor refuses it, or if the layer's parameters would need other shapes.
    """
    global _count
    if not type(layer).__module__.startswith("convnet.layers."):  # a class of the user's own: its constructor differs
        _count += 1
        return value
    before = getattr(layer, name)
    if type(value) is type(before) and value == before:
        return before
    config = {setting: getattr(layer, setting) for setting in type(layer).settings}
    fresh = type(layer)(**{**config, name: value}, name=layer.name)
    if layer.input_shape is not None and layer.own_parameters:
        with initializers.empty_weights(_ANY_NUMBER):
            fresh.dtype = layer.dtype
            fresh.build(layer.input_shape)
        if [p.shape for p in fresh.own_parameters] != [p.shape for p in layer.own_parameters]:
            raise ValueError(
                f"{layer.name}: {name}={value!r} needs parameters of other shapes than the layer has: make a new layer"
            )
    _count += 1
    return getattr(fresh, name)
