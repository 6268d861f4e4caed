"""Losses of segmentation: how much two regions overlap."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from convnet.losses.arrays import ArrayLoss

EPSILON = 1e-7  # Keras's: for regions without any pixel


class Dice(ArrayLoss):
    """l = 1 - 2 sum y yhat / (sum y + sum yhat + epsilon), the sums over `axis`. Source: Milletari et al., 2016.

    axis=None sums over the whole batch; (1,2,3) over each image of (N,H,W,C); (1,2) over each image's channels.
    """

    name = "dice"
    settings: ClassVar[tuple[str, ...]] = ("reduction", "axis")
    defaults: ClassVar[dict[str, Any]] = {"dtype": "float32"}

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: Any = None,
        **unknown: Any,
    ) -> None:
        """Take Keras's arguments, in Keras's order."""
        super().__init__(reduction, name, **unknown)
        axes = [axis] if isinstance(axis, int) else axis
        if axes is not None and not all(isinstance(a, int) for a in axes):
            raise ValueError(f"Dice: axis must be None, an integer or a tuple of integers, got {axis!r}")
        self.axis = None if axes is None else tuple(axes)

    @property
    def is_mean(self) -> bool:
        """True if it is a mean over the samples of a batch: not if its sums run over them."""
        return super().is_mean and self.axis is not None and 0 not in self.axis

    def values(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return the loss of each region."""
        both, size = (y * yhat).sum(axis=self.axis), y.sum(axis=self.axis) + yhat.sum(axis=self.axis) + EPSILON
        return 1 - 2 * both / size

    def gradient(self, y: np.ndarray, yhat: np.ndarray, dvalues: np.ndarray) -> np.ndarray:
        """Return -2 y / size + 2 sum(y yhat) / size^2 for each pixel of a region."""
        both = (y * yhat).sum(axis=self.axis, keepdims=True)
        size = y.sum(axis=self.axis, keepdims=True) + yhat.sum(axis=self.axis, keepdims=True) + EPSILON
        return (-2 * y / size + 2 * both / size**2) * dvalues.reshape(size.shape)

    def values_shape(self, y: np.ndarray, yhat: np.ndarray) -> tuple[int, ...]:
        """Return the axes that are not summed over."""
        axes = range(yhat.ndim) if self.axis is None else [a % yhat.ndim for a in self.axis]
        return tuple(n for a, n in enumerate(yhat.shape) if a not in axes)
