"""Losses with Keras's names: what a target looks like, and which operation of `kernels` computes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from convnet.utils import refuse
from kernels import registry


@dataclass
class Bound:
    """A loss on a plan's arrays: forward(out=0-d array), backward(out=gradient)."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]


class Loss:
    """L = 1/N sum_n w_n l_n over a batch; calling it on arrays returns the number."""

    name: ClassVar[str]
    settings: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str | None = None, **unknown: Any) -> None:
        refuse(type(self).__name__, unknown, (*self.settings, "name"))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        y_pred = np.asarray(y_pred)
        y_pred = y_pred.astype(np.float32) if y_pred.dtype not in (np.float32, np.float64) else y_pred
        target = self.target_buffer(y_pred.shape, y_pred.dtype)
        self.fill(target, np.asarray(y_true))
        weights = None if sample_weight is None else np.asarray(sample_weight, y_pred.dtype)
        out = np.zeros((), y_pred.dtype)
        self.bind("cpu", target, np.ascontiguousarray(y_pred), weights, logits=False).forward(out=out)
        return float(out)

    def takes_logits_of(self, activation: str) -> bool:
        """Can the loss run fused with this final activation, on what goes into it?"""
        return False

    def target_buffer(self, output_shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """An array for the targets of a batch whose predictions have `output_shape`."""
        return np.empty(output_shape, dtype)

    def check_labels(self, y: np.ndarray, outputs: int) -> None:
        """Raise unless all targets are of the loss's kind; `outputs`: how many numbers the model gives a sample."""
        if np.asarray(y).dtype.kind not in "iufb":
            raise TypeError(f"{self.name}: the targets must be real numbers, got an array of {np.asarray(y).dtype}")

    def fill(self, buffer: np.ndarray, y: np.ndarray) -> None:
        """Copy a batch's targets into the buffer, checked; (N,) stands for (N,1)."""
        if y.shape != buffer.shape and (*y.shape, 1) == buffer.shape:
            y = y[..., None]
        if y.shape != buffer.shape:
            hint = ": for class numbers use loss='sparse_categorical_crossentropy'" if y.ndim == 1 else ""
            expected = f"shape {buffer.shape} like the outputs"
            raise ValueError(f"{self.name}: the targets must have {expected}, got {y.shape}{hint}")
        np.copyto(buffer, y, casting="unsafe")

    def bind(self, target: str, y: np.ndarray, yhat: np.ndarray, weights: np.ndarray | None, *, logits: bool) -> Bound:
        """The kernels on these arrays."""
        raise TypeError(f"{type(self).__name__} must define bind()")

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name} | {s: getattr(self, s) for s in self.settings}


class MeanSquaredError(Loss):
    """Formula (3): L = 1/N sum_i (y_i - yhat_i)^2, N the number of elements."""

    name = "mean_squared_error"

    def bind(self, target: str, y: np.ndarray, yhat: np.ndarray, weights: np.ndarray | None, *, logits: bool) -> Bound:
        op = registry.load("mse", target)
        return Bound(partial(op.forward, y, yhat, weights), partial(op.backward, y, yhat, weights))


class _CrossEntropy(Loss):
    settings: ClassVar[tuple[str, ...]] = ("from_logits",)
    kind: ClassVar[str]
    activation: ClassVar[str] = "softmax"

    def __init__(self, from_logits: bool = False, name: str | None = None, **unknown: Any) -> None:
        super().__init__(name, **unknown)
        self.from_logits = bool(from_logits)

    def takes_logits_of(self, activation: str) -> bool:
        return activation == self.activation and not self.from_logits

    def bind(self, target: str, y: np.ndarray, yhat: np.ndarray, weights: np.ndarray | None, *, logits: bool) -> Bound:
        op = registry.load("crossentropy", target)
        how = {"kind": self.kind, "from_logits": logits or self.from_logits}
        return Bound(partial(op.forward, y, yhat, weights, **how), partial(op.backward, y, yhat, weights, **how))


class SparseCategoricalCrossentropy(_CrossEntropy):
    """l_n = -log p[n, y_n]; y (N,) or (N,1) whole numbers in 0..K-1, p (N,K)."""

    name = "sparse_categorical_crossentropy"
    kind = "sparse"

    def target_buffer(self, output_shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        self._classes(output_shape)
        return np.zeros(output_shape[:1], np.int64)

    def _classes(self, shape: tuple[int, ...]) -> int:
        if len(shape) != 2:
            raise ValueError(f"{self.name}: the model must give (N, classes), its output has shape {shape}")
        return shape[1]

    def fill(self, buffer: np.ndarray, y: np.ndarray) -> None:
        y = y.reshape(-1) if y.shape == (len(buffer), 1) else y
        if y.shape != buffer.shape:
            raise ValueError(
                f"{self.name}: the labels must have shape {buffer.shape}, got {y.shape}: one class index each"
            )
        np.copyto(buffer, y, casting="unsafe")

    def check_labels(self, y: np.ndarray, classes: int) -> None:
        """ValueError naming the first label that is no class index of the model."""
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            raise ValueError(
                f"{self.name}: labels must be one class index a sample, got shape {y.shape}: for one-hot labels use "
                "loss='categorical_crossentropy', or give y.argmax(axis=1)"
            )
        flat = y.reshape(-1)
        if flat.dtype.kind not in "iufb":
            raise ValueError(f"{self.name}: labels must be class indices (whole numbers), got an array of {flat.dtype}")
        bad = np.flatnonzero((flat < 0) | (flat >= classes) | (flat != np.floor(flat)))
        if bad.size:
            raise ValueError(
                f"{self.name}: label {flat[bad[0]]} (sample {bad[0]}) is not a class index in 0..{classes - 1}; "
                f"the model's last layer has {classes} outputs"
            )


class CategoricalCrossentropy(_CrossEntropy):
    """l_n = -sum_k y[n,k] log p[n,k]; y (N,K) one-hot or probabilities."""

    name = "categorical_crossentropy"
    kind = "categorical"


class BinaryCrossentropy(_CrossEntropy):
    """l = -y log p - (1-y) log(1-p), the mean over all outputs; y in [0,1] shaped like p."""

    name = "binary_crossentropy"
    kind = "binary"
    activation = "sigmoid"

    def check_labels(self, y: np.ndarray, outputs: int) -> None:
        super().check_labels(y, outputs)
        bad = np.flatnonzero(~((np.asarray(y) >= 0) & (np.asarray(y) <= 1)).reshape(-1))
        if bad.size:
            raise ValueError(f"{self.name}: targets must lie in [0, 1], got {np.asarray(y).reshape(-1)[bad[0]]}")


_CLASSES: tuple[type[Loss], ...] = (
    MeanSquaredError,
    SparseCategoricalCrossentropy,
    CategoricalCrossentropy,
    BinaryCrossentropy,
)
BY_NAME: dict[str, type[Loss]] = {cls.name: cls for cls in _CLASSES} | {"mse": MeanSquaredError}


def get(loss: Any) -> Loss:
    """A loss object, from one or from its name."""
    if isinstance(loss, Loss):
        return loss
    if not isinstance(loss, str) or loss not in BY_NAME:
        raise ValueError(f"loss {loss!r} is not supported; choose one of: {', '.join(BY_NAME)}")
    return BY_NAME[loss]()
