"""What every loss has: targets checked and copied, sample weights, Keras's reductions, and a call on arrays.

The last axis of a prediction holds one sample's outputs, or one pixel's: of images (N,H,W,C) every pixel is a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, ClassVar

import numpy as np

from convnet.utils import check_name, refuse

REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


@dataclass
class Bound:
    """A loss on a plan's arrays: forward(out=0-d array), backward(out=gradient)."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]


class Loss:
    """L = 1/N sum_n w_n l_n over the rows of a batch; calling it on arrays returns the number.

    `reduction` is Keras's: "sum_over_batch_size" (or "mean") is the formula above; "sum" does not divide by N;
    "mean_with_sample_weight" divides by sum_n w_n; None (or "none") returns an array of w_n l_n, and is for calls only.
    """

    name: str
    on_host: ClassVar[bool] = False  # True for one that is computed with NumPy, wherever the model runs
    of_call: ClassVar[Callable[[Loss], Loss]]  # makes a loss of a user's `call`; convnet.losses.functions puts it here
    settings: ClassVar[tuple[str, ...]] = ("reduction",)
    defaults: ClassVar[dict[str, Any]] = {"axis": -1, "dtype": "float32"}  # Keras's, which may be spelled out

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None, **unknown: Any) -> None:
        """Take Keras's arguments, in Keras's order."""
        where = type(self).__name__
        refuse(where, unknown, (*self.settings, "name"), self.defaults)
        if reduction not in REDUCTIONS:
            raise ValueError(f"{where}: reduction must be one of {', '.join(map(repr, REDUCTIONS))}, got {reduction!r}")
        self.reduction = reduction
        self.label = check_name(where, name) or getattr(self, "name", None) or where
        if not hasattr(self, "name"):  # of a user's own class
            self.name = self.label

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of predictions: a number, or with reduction=None an array with one number a row."""
        if hasattr(type(self), "call"):
            return Loss.of_call(self)(y_true, y_pred, sample_weight)
        y_pred = np.asarray(y_pred)
        y_pred = y_pred.astype(np.float32) if y_pred.dtype not in (np.float32, np.float64) else y_pred
        y_pred = np.ascontiguousarray(y_pred.reshape(-1, 1) if y_pred.ndim < 2 else y_pred)
        target = self.target_buffer(y_pred.shape, y_pred.dtype)
        self.check_labels(np.asarray(y_true), y_pred.shape[1:])
        self.fill(target, np.asarray(y_true))
        weights = None
        if sample_weight is not None or self.reduction == "sum":
            weights = np.ones(y_pred.shape[:-1], y_pred.dtype)
            weights *= 1 if sample_weight is None else spread_weights(self.name, sample_weight, weights.shape)
        if self.reduction in (None, "none"):
            return self._each(target, y_pred, weights)
        if weights is not None:
            self.scale(weights)
        return self._of(target, y_pred, weights)

    def _of(self, target: np.ndarray, y_pred: np.ndarray, weights: np.ndarray | None) -> float:
        out = np.zeros((), y_pred.dtype)
        self.bind("cpu", target, y_pred, weights, logits=False).forward(out=out)
        return float(out)

    def _each(self, target: np.ndarray, y_pred: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """Return every row's loss by itself."""
        outputs = y_pred.reshape(-1, 1, y_pred.shape[-1])
        targets = target.reshape(len(outputs), 1, -1) if target.shape == y_pred.shape else target.reshape(-1, 1)
        each = np.array([self._of(t, p, None) for t, p in zip(targets, outputs, strict=True)], y_pred.dtype)
        return each.reshape(y_pred.shape[:-1]) * (1 if weights is None else weights)

    def scale(self, weights: np.ndarray) -> None:
        """Change the sample weights of a batch so that the kernels' mean over rows becomes this reduction."""
        if self.reduction == "sum":
            weights *= weights.size
        elif self.reduction == "mean_with_sample_weight":
            total = weights.sum()
            weights *= weights.size / total if total else 0.0

    @property
    def of_outputs(self) -> list[tuple[Loss | None, float]]:
        """The loss and the weight of each output: this one, of one output."""
        return [(self, 1.0)]

    @property
    def is_mean(self) -> bool:
        """True if it is a mean over the samples of a batch, so that parts of a batch can be computed apart."""
        return self.reduction in ("sum_over_batch_size", "mean")

    @property
    def value_names(self) -> list[str]:
        """The names of the numbers that a plan measures."""
        return ["loss"]

    @property
    def needs_weights(self) -> bool:
        """True if the reduction takes sample weights even if the user gives none."""
        return self.reduction == "sum"

    def takes_logits_of(self, activation: str) -> bool:
        """Return True if the loss can run fused with this final activation, on what goes into it."""
        return False

    def target_buffer(self, output_shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array for the targets of a batch whose predictions have `output_shape`."""
        return np.empty(output_shape, dtype)

    def check_labels(self, y: np.ndarray, output_shape: tuple[int, ...]) -> None:
        """Raise unless all targets are of the loss's kind; `output_shape`: what the model gives for one sample."""
        if np.asarray(y).dtype.kind not in "iufb":
            raise TypeError(f"{self.name}: the targets must be real numbers, got an array of {np.asarray(y).dtype}")

    def fill(self, buffer: np.ndarray, y: np.ndarray) -> None:
        """Copy a batch's targets into the buffer, checked; (N,) stands for (N,1)."""
        if y.shape != buffer.shape and (*y.shape, 1) == buffer.shape:
            y = y[..., None]
        if y.shape != buffer.shape:
            hint = ": for class numbers use loss='sparse_categorical_crossentropy'" if y.ndim < buffer.ndim else ""
            expected = f"shape {buffer.shape} like the outputs"
            raise ValueError(f"{self.name}: the targets must have {expected}, got {y.shape}{hint}")
        np.copyto(buffer, y, casting="unsafe")

    def bind(self, target: str, y: np.ndarray, yhat: np.ndarray, weights: np.ndarray | None, *, logits: bool) -> Bound:
        """Return the kernels on these arrays: targets, predictions (or logits), and a weight a row."""
        raise TypeError(
            f"{type(self).__name__} must define call(y_true, y_pred), which returns a loss for each row, or bind(); or "
            "give a function: convnet.losses.FunctionLoss(function, gradient)"
        )

    def get_config(self) -> dict[str, Any]:
        """Return the name and the settings, as plain JSON."""
        return {"name": self.name} | {s: getattr(self, s) for s in self.settings}


def spread_weights(where: str, given: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return sample weights that broadcast to the rows of a batch (N, ...).

    `given` has one number a sample, (N,) or (N,1), or one a row: (N,H,W) or (N,H,W,1) for images.
    """
    weights = np.asarray(given, float)
    weights = np.full(shape[:1], weights) if weights.ndim == 0 else weights
    while weights.ndim > 1 and weights.shape[-1] == 1 and weights.shape != shape:
        weights = weights[..., 0]
    bad = np.argwhere(~(np.isfinite(weights) & (weights >= 0)))
    if weights.shape not in (shape, shape[:1]):
        rows = f" or {shape}, one a pixel" if len(shape) > 1 else ""
        raise ValueError(
            f"{where}: sample_weight must be {shape[0]} numbers, one a sample{rows}; got shape {np.shape(given)}"
        )
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        raise ValueError(
            f"{where}: sample_weight must be finite and >= 0, got {weights[place]} at {', '.join(map(str, place))}"
        )
    return weights.reshape(*weights.shape, *[1] * (len(shape) - weights.ndim))


def on_rows(op: Any, y: Any, yhat: Any, weights: Any, **how: Any) -> Bound:
    """Bind a loss's passes to arrays whose last axis is one row's outputs: pixels of images become rows."""
    if yhat.ndim == 2:
        return Bound(partial(op.forward, y, yhat, weights, **how), partial(op.backward, y, yhat, weights, **how))
    rows = (prod(yhat.shape[:-1]), yhat.shape[-1])
    labels = y.reshape(rows if y.ndim == yhat.ndim else rows[:1])
    flat, weights = yhat.reshape(rows), None if weights is None else weights.reshape(rows[:1])

    def backward(out: Any) -> None:
        op.backward(labels, flat, weights, **how, out=out.reshape(rows))

    return Bound(partial(op.forward, labels, flat, weights, **how), backward)
