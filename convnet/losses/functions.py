"""Losses of a user's own: functions of NumPy arrays, with a gradient that is given or found, and checked."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from convnet.losses.arrays import ArrayLoss
from convnet.losses.base import Loss

Function = Callable[[np.ndarray, np.ndarray], Any]
_STEP = 6e-6  # relative; the cube root of float64's rounding: the best of central differences
_NEAR_ZERO = 1e-2  # steps do not shrink below those of this size
MOST_EVALUATIONS = 4000  # of the function in one training step, to find a gradient that is not given


class FunctionLoss(ArrayLoss):
    """A loss made of `function(y_true, y_pred)` of float64 arrays, which returns an array of losses.

    function  the losses: one for each row (y_pred without its last axis), one for each sample, or one for the batch;
              or a pair of them and the gradient of their sum with respect to y_pred
    gradient  a function of (y_true, y_pred) that returns this gradient, in y_pred's shape

    A value may depend on the outputs that it is for, and no others. Without a gradient each is found by central
    differences in float64: two evaluations for each output of a row. Either way the first batch is checked: the
    derivative along random directions by the gradient must be the one by the values.
    """

    def __init__(
        self,
        function: Function,
        gradient: Function | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        called = getattr(function, "__name__", type(function).__name__)
        self.name = name or called
        super().__init__(reduction, name)
        for what, given in (("function", function), ("gradient", gradient)):
            if given is not None and not callable(given):
                raise TypeError(f"FunctionLoss: {what} must be a function of (y_true, y_pred), got {given!r}")
        self.function, self.given_gradient = function, gradient
        self._checked = False

    def shaped(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return the targets with a last axis of one where the outputs have it; else as they were given."""
        return y[..., None] if (*y.shape, 1) == yhat.shape else y

    def values(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return what the function does, checked."""
        found = self.function(y, yhat)
        if isinstance(found, tuple) and len(found) == 2:
            found = found[0]
        values = np.asarray(found, float)
        if values.shape != yhat.shape[: values.ndim] or values.ndim == yhat.ndim:
            raise ValueError(
                f"loss {self.name!r} must return one number for each row {yhat.shape[:-1]}, for each sample "
                f"{yhat.shape[:1]} or for the batch (), got shape {values.shape}"
            )
        return values

    def values_shape(self, y: np.ndarray, yhat: np.ndarray) -> tuple[int, ...]:
        """Return the shape of what the function returns."""
        return self.values(y, yhat).shape

    def gradient(self, y: np.ndarray, yhat: np.ndarray, dvalues: np.ndarray) -> np.ndarray:
        """Return the given gradient, or the one by central differences, of the values times dvalues."""
        each = self._of_sum(y, yhat)
        if each.shape != yhat.shape:
            raise ValueError(
                f"loss {self.name!r}: its gradient must have shape {yhat.shape} like y_pred, got {each.shape}"
            )
        found = each * dvalues.reshape(*dvalues.shape, *[1] * (yhat.ndim - dvalues.ndim))
        if not self._checked:
            self._check(y, yhat, dvalues, found)
            self._checked = True
        return found

    def _of_sum(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        if self.given_gradient is not None:
            return np.asarray(self.given_gradient(y, yhat), float)
        found = self.function(y, yhat)
        if isinstance(found, tuple) and len(found) == 2:
            return np.asarray(found[1], float)
        return self._by_differences(y, yhat)

    def _by_differences(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return the gradient of the values' sum: what no two values share is moved at once."""
        axes = np.ndim(self.values(y, yhat))
        together, apart = yhat.shape[:axes], yhat.shape[axes:]
        if 2 * prod(apart) > MOST_EVALUATIONS:
            raise ValueError(
                f"loss {self.name!r}: its gradient would take {2 * prod(apart)} evaluations a step, since it returns "
                f"{together} numbers for outputs {yhat.shape}: return the gradient too, or give "
                "FunctionLoss(function, gradient)"
            )
        gradient = np.empty_like(yhat)
        for place in np.ndindex(apart):
            here = (..., *place) if axes else place
            step = _STEP * np.maximum(np.abs(yhat[here]), _NEAR_ZERO)
            above, below = yhat.copy(), yhat.copy()
            above[here] += step
            below[here] -= step
            gradient[here] = (self.values(y, above) - self.values(y, below)) / (above[here] - below[here])
        return gradient

    def _check(self, y: np.ndarray, yhat: np.ndarray, dvalues: np.ndarray, gradient: np.ndarray) -> None:
        """Raise ValueError unless the gradient is that of the values, along one of three random directions."""
        rng = np.random.Generator(np.random.Philox(0))
        for _ in range(3):  # a direction may cross a kink
            direction = rng.choice([-1.0, 1.0], yhat.shape) * (np.abs(yhat) + _NEAR_ZERO * 0.1)
            above, below = (
                float((self.values(y, yhat + sign * _STEP * direction) * dvalues).sum()) for sign in (1.0, -1.0)
            )
            by_values, by_gradient = (above - below) / (2 * _STEP), float((gradient * direction).sum())
            size = float(np.abs(gradient * direction).sum()) + abs(by_values)
            if abs(by_values - by_gradient) <= 1e-4 * size + 1e-9:
                return
        raise ValueError(
            f"loss {self.name!r}: its gradient is not that of its values: along a random direction the derivative is "
            f"{by_values:.6g} by its values (central difference), {by_gradient:.6g} by its gradient. A value may "
            "depend only on the outputs that it is for; then return the gradient of the values' sum"
        )


def of_call(loss: Loss) -> FunctionLoss:
    """Return a user's own subclass of Loss, which has Keras's `call(y_true, y_pred)`, as a loss that trains."""
    gradient = getattr(loss, "gradient", None)
    return FunctionLoss(loss.call, gradient, loss.reduction, getattr(loss, "label", None))  # type: ignore[attr-defined]


Loss.of_call = staticmethod(of_call)
