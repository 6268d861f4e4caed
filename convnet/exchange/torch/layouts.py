"""PyTorch's layouts in ours: channels first there, last here; a dense layer's rows; a flattened image's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from convnet.layers import Layer

# parameters of a module in PyTorch, and what we call them
_NORMAL = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
_LINEAR = {"weight": "kernel", "bias": "bias"}
NAMES: dict[str, dict[str, str]] = {
    "Conv2D": _LINEAR,
    "Conv1D": _LINEAR,
    "Conv2DTranspose": _LINEAR,
    "DepthwiseConv2D": _LINEAR,
    "Dense": _LINEAR,
    "BatchNormalization": _NORMAL,
    "LayerNormalization": _NORMAL,
    "GroupNormalization": _NORMAL,
    "PReLU": {"weight": "alpha"},
}
IGNORED = ("num_batches_tracked",)  # a count that PyTorch keeps for itself


@dataclass(frozen=True)
class Change:
    """An array in our layout, and in words what was done."""

    array: np.ndarray
    words: str = ""


def _last(axes: tuple[int, ...], words: str) -> Callable[[np.ndarray, tuple[int, ...]], Change]:
    return lambda array, shape: Change(array.transpose(axes), words)


def _slopes(array: np.ndarray, shape: tuple[int, ...]) -> Change:
    """One slope a channel, or one for all, as the layer's shape has it."""
    return Change(np.broadcast_to(array, shape).copy(), "one slope for several numbers" if array.shape != shape else "")


_KERNELS: dict[str, Callable[[np.ndarray, tuple[int, ...]], Change]] = {
    "Conv2D": _last((2, 3, 1, 0), "F C P Q -> P Q C F"),
    "Conv1D": lambda array, shape: Change(array.transpose(2, 1, 0).reshape(shape), "F C P -> P C F"),
    "Conv2DTranspose": _last((2, 3, 1, 0), "C F P Q -> P Q F C"),
    "DepthwiseConv2D": _last((2, 3, 1, 0), "C*M 1 P Q -> P Q 1 C*M"),
    "Dense": _last((1, 0), "outputs inputs -> inputs outputs"),
    "PReLU": _slopes,
}
_AXES = {"Conv2D": 4, "Conv1D": 3, "Conv2DTranspose": 4, "DepthwiseConv2D": 4, "Dense": 2}


def convert(layer: Layer, name: str, array: np.ndarray, shape: tuple[int, ...], order: Any) -> Change:
    """Return a module's array in the layout of the layer's parameter of this shape.

    order   None, or where each number of our flattened input stands in PyTorch's (`flattening.find_orders`)
    """
    kind = type(layer).__name__
    if order is not None and kind != "Dense" and array.size == len(order):
        return Change(array[order], "a flattened image C H W -> H W C")
    if name != "weight" or kind not in _KERNELS:
        return Change(array)
    if kind in _AXES and array.ndim != _AXES[kind]:
        raise ValueError(f"has {array.ndim} axes, a {kind}'s weight has {_AXES[kind]}")
    made = _KERNELS[kind](array, shape)
    if order is None or kind != "Dense":
        return made
    if len(order) != len(made.array):
        raise ValueError(f"has {len(made.array)} inputs, the layer's flattened input has {len(order)}")
    return Change(made.array[order], f"{made.words}, rows of a flattened image C H W -> H W C")


def find_parameter(layer: Layer, name: str) -> Any:
    """Return our parameter for a module's array; None if the layer has none of this kind."""
    wanted = NAMES[type(layer).__name__].get(name, "")
    for parameter in layer.own_parameters:
        ours = parameter.name.rsplit("/", 1)[-1]
        if ours == wanted or (wanted == "kernel" and ours == "depthwise_kernel"):
            return parameter
    return None
