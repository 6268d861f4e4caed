"""The arguments and inputs of layers, checked; every error names the layer."""

from __future__ import annotations

from typing import Any

import numpy as np


def need_image(name: str, shape: tuple[int, ...]) -> None:
    """ValueError unless a sample is (height, width, channels)."""
    if len(shape) != 3:
        hint = ": add a channel axis, x[..., None]" if len(shape) == 2 else ""
        raise ValueError(
            f"{name}: expects images of shape (height, width, channels), got samples of shape {shape}{hint}"
        )


def padding_name(name: str, padding: Any) -> str:
    """Keras's "valid" or "same"."""
    if not isinstance(padding, str) or padding.lower() not in ("valid", "same"):
        raise ValueError(f"{name}: padding must be 'valid' or 'same', got {padding!r}")
    return padding.lower()


def only_channels_last(name: str, data_format: str | None) -> None:
    """Keras's data_format: this engine has one layout."""
    if data_format not in (None, "channels_last"):
        raise ValueError(f"{name}: data_format must be 'channels_last' (N,H,W,C), got {data_format!r}")


def float_type(where: str, dtype: Any) -> np.dtype:
    """float32 or float64 as a dtype; ValueError for any other."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found not in (np.float32, np.float64):
        raise ValueError(f"{where}: dtype must be 'float32' or 'float64', got {dtype!r}")
    return found


def sample_shape(where: str, shape: Any) -> tuple[int, ...]:
    """The shape of one sample, positive integers without the batch axis."""
    if isinstance(shape, (tuple, list)) and shape and all(isinstance(v, (int, np.integer)) and v > 0 for v in shape):
        return tuple(int(v) for v in shape)
    raise ValueError(
        f"{where}: shape must be positive integers without the batch axis, like (28, 28, 1), got {shape!r}"
    )
