"""A value times numbers plus numbers: channel by channel, or number by number."""

from __future__ import annotations

from math import prod

import numpy as np

from convnet.exchange.onnx.conversion import Call
from convnet.exchange.onnx.layout import Atoms, sizes
from convnet.exchange.onnx.values import Value, reshape


def scaled(call: Call, x: Value, scale: np.ndarray | None = None, offset: np.ndarray | None = None) -> Value:
    """Return x * scale + offset: a frozen normalization with mean 0 and variance 1, which training leaves alone."""
    from convnet.layers import BatchNormalization

    groups = x.layout.groups() or ((),)
    given = [
        x.layout.arrange(_sample(call, x, default if array is None else array), groups)
        for array, default in ((scale, np.ones(1, x.node.dtype)), (offset, np.zeros(1, x.node.dtype)))
    ]
    first = min((_first_that_varies(array) for array in given), default=len(groups) - 1)
    channels = prod(sizes(groups[first:]))
    gamma, beta = (np.ascontiguousarray(_spread(array, groups, first), x.node.dtype).reshape(-1) for array in given)
    statistics = {"moving_mean": np.zeros_like(gamma), "moving_variance": np.ones_like(gamma)}
    rows = reshape(x.node, (*sizes(groups[:first]), channels))
    node = call.layer(
        BatchNormalization, rows, {"gamma": gamma, "beta": beta, **statistics}, epsilon=0.0, trainable=False
    )
    return Value(reshape(node, tuple(x.node.sample_shape)), x.layout)


def _sample(call: Call, x: Value, array: np.ndarray) -> np.ndarray:
    """Return numbers for one sample; refuse those that differ from image to image, or would make the value larger."""
    rank = len(x.shape)
    if array.ndim == rank + 1 and array.shape[0] == 1:
        array = array[0]
    larger = any(n not in (1, m) for n, m in zip(array.shape[::-1], x.shape[::-1], strict=False))
    if array.ndim > rank + (rank == 0) or larger:
        call.refuse(f"numbers of shape {array.shape} do not fit a value of shape {('N', *x.shape)}")
    return array.astype(x.node.dtype)


def _first_that_varies(array: np.ndarray) -> int:
    """Return the first of the engine's axes along which the numbers differ; the last if they are one number."""
    return next((i for i, n in enumerate(array.shape) if n > 1), array.ndim - 1)


def _spread(array: np.ndarray, groups: tuple[Atoms, ...], first: int) -> np.ndarray:
    """Return the numbers for each place of the axes from `first` on."""
    return np.broadcast_to(array, (*array.shape[:first], *sizes(groups[first:])))
