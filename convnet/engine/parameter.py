"""A layer's arrays of parameters: the ground that the engine and the layers share."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Holder(Protocol):
    """Whoever has a parameter's latest numbers on a device."""

    def bring_home(self) -> None:
        """Copy the numbers to the host."""


class Parameter:
    """One array of a layer. `trainable` ones get gradients; the others are statistics that a layer keeps itself.

    `value` is a NumPy array. While a model runs on a device, the numbers are `away`; asking for them brings them home.
    """

    def __init__(self, name: str, value: np.ndarray, trainable: bool = True, initializer: str = "zeros") -> None:
        self.name, self.trainable, self._value = name, trainable, value
        self.initializer = initializer  # how it started
        self.away: Holder | None = None
        self.shown: tuple[int, ...] | None = None  # Keras's shape of the same numbers, if it is another

    def show_as(self, shape: tuple[int, ...]) -> None:
        """Keep the numbers under the shape that the kernel takes; what users get and set keeps the one it has now."""
        self.shown, self.value = self.shape, self.value.reshape(shape)

    @property
    def keras_shape(self) -> tuple[int, ...]:
        """The shape that get_weights and set_weights have."""
        return self.shape if self.shown is None else self.shown

    @property
    def value(self) -> np.ndarray:
        """The numbers, on the host."""
        if self.away is not None:
            self.away.bring_home()
        return self._value

    @value.setter
    def value(self, array: np.ndarray) -> None:
        self._value = array

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape; asking for it moves nothing."""
        return self._value.shape

    @property
    def dtype(self) -> np.dtype:
        """The array's dtype; asking for it moves nothing."""
        return self._value.dtype
