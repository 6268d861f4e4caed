"""Losses written with NumPy: values and a gradient of arrays, in float64 on the host, whatever the model runs on.

A model on a device brings its outputs home for them; kernels/ has the losses that run where the model does.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from convnet.losses.base import Bound, Loss
from kernels import targets


class Held:
    """The targets of a batch, as they are."""

    def __init__(self) -> None:
        self.array = np.zeros(0)


class ArrayLoss(Loss):
    """A loss that gives `values`, an array of losses, and `gradient`, how they change with the outputs.

    The reduction makes one number L of the values l: sum w l / their number, and so on. Values may have fewer axes than
    the outputs: one for each row, for each sample, or one for the whole batch.
    """

    on_host: ClassVar[bool] = True

    def values(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return the losses of targets y and outputs yhat, both float64."""
        raise NotImplementedError

    def gradient(self, y: np.ndarray, yhat: np.ndarray, dvalues: np.ndarray) -> np.ndarray:
        """Return the gradient of sum(dvalues * values) with respect to yhat."""
        raise NotImplementedError

    def shaped(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return the targets as the formula takes them: here, in the outputs' shape."""
        if y.shape == yhat.shape:
            return y
        if (*y.shape, 1) == yhat.shape:
            return y[..., None]
        raise ValueError(f"{self.name}: the targets must have shape {yhat.shape} like the outputs, got {y.shape}")

    # --- as the engine calls it

    @property
    def needs_weights(self) -> bool:
        """Return False: the reduction is made here."""
        return False

    def scale(self, weights: np.ndarray) -> None:
        """Leave the sample weights as they are: the reduction is made here."""

    def target_buffer(self, output_shape: tuple[int, ...], dtype: Any) -> Any:
        """Return where the targets are kept; of any shape."""
        return Held()

    def fill(self, buffer: Any, y: np.ndarray) -> None:
        """Keep a batch's targets."""
        buffer.array = np.array(y, float)

    def bind(self, target: str, y: Any, yhat: Any, weights: np.ndarray | None, *, logits: bool) -> Bound:
        """Return the passes on these arrays: targets and sample weights of the host, outputs where the model runs."""

        def forward(out: np.ndarray) -> None:
            predicted = targets.to_host(yhat).astype(float)
            values = np.asarray(self.values(self.shaped(y.array, predicted), predicted), float)
            out[...] = (values * self.factors(values.shape, weights)).sum()

        def backward(out: Any) -> None:
            predicted = targets.to_host(yhat).astype(float)
            labels = self.shaped(y.array, predicted)
            factors = self.factors(self.values_shape(labels, predicted), weights)
            found = np.asarray(self.gradient(labels, predicted, factors), float)
            targets.copy(out, np.ascontiguousarray(found, out.dtype))

        return Bound(forward, backward)

    def values_shape(self, y: np.ndarray, yhat: np.ndarray) -> tuple[int, ...]:
        """Return the shape of the values: one a row, if a loss says nothing else."""
        return yhat.shape[:-1]

    def factors(self, shape: tuple[int, ...], weights: np.ndarray | None) -> np.ndarray:
        """Return what each value counts in the loss: its sample weight, divided as the reduction says."""
        spread = np.ones(shape)
        if weights is not None:
            spread = spread * self._of_values(np.asarray(weights, float), shape)
        if self.reduction == "sum" or not shape:
            return spread
        if self.reduction == "mean_with_sample_weight" and weights is not None:
            total = spread.sum()
            return spread / total if total else np.zeros(shape)
        return spread / max(spread.size, 1)

    def _of_values(self, weights: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Return the weights of rows as weights of values; ValueError if rows of one value weigh differently."""
        shared = len(shape) if weights.shape[: len(shape)] == shape else min(len(shape), 1)  # axes; else samples only
        first: Any = weights
        for _ in range(weights.ndim - shared):
            first = first[..., 0]
        if not np.array_equal(np.broadcast_to(_spread(first, weights.ndim), weights.shape), weights):
            raise ValueError(f"{self.name}: its values have shape {shape}, and rows of one value weigh differently")
        return _spread(first, len(shape))

    def _of(self, target: Any, y_pred: np.ndarray, weights: np.ndarray | None) -> float:
        out = np.zeros(())
        self.bind("cpu", target, y_pred, weights, logits=False).forward(out=out)
        return float(out)

    def _each(self, target: Any, y_pred: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        predicted = y_pred.astype(float)
        values = np.asarray(self.values(self.shaped(target.array, predicted), predicted))
        each = values if weights is None else values * self._of_values(np.asarray(weights, float), values.shape)
        return each.astype(y_pred.dtype)


def _spread(weights: Any, axes: int) -> np.ndarray:
    """Return the weights with further axes of one."""
    return np.reshape(weights, (*np.shape(weights), *[1] * (axes - np.ndim(weights))))


class RowLoss(ArrayLoss):
    """A loss whose value of a row is the mean over the row's outputs of l(y, yhat), with l's derivative."""

    def element(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return l for each output."""
        raise NotImplementedError

    def slope(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return dl/dyhat for each output."""
        raise NotImplementedError

    def values(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return the mean over each row's outputs."""
        return self.element(y, yhat).mean(axis=-1)

    def gradient(self, y: np.ndarray, yhat: np.ndarray, dvalues: np.ndarray) -> np.ndarray:
        """Return each output's share of its row's gradient."""
        return self.slope(y, yhat) * dvalues[..., None] / yhat.shape[-1]
