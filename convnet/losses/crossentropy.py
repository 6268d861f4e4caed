"""Cross-entropies: of class numbers, of probabilities for classes, and of yes-or-no answers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from convnet.losses.base import Bound, Loss, on_rows
from convnet.utils import check_flag
from kernels import checks, registry


class _CrossEntropy(Loss):
    settings: ClassVar[tuple[str, ...]] = ("from_logits", "reduction")
    kind: ClassVar[str]
    activation: ClassVar[str] = "softmax"

    def __init__(self, from_logits: bool = False, reduction: str | None = "sum_over_batch_size", **given: Any) -> None:
        super().__init__(reduction, **given)
        self.from_logits = check_flag(type(self).__name__, "from_logits", from_logits)

    def takes_logits_of(self, activation: str) -> bool:
        """Return True for the activation whose outputs are this loss's probabilities."""
        return activation == self.activation and not self.from_logits

    def bind(self, target: str, y: np.ndarray, yhat: np.ndarray, weights: np.ndarray | None, *, logits: bool) -> Bound:
        """Return crossentropy's kernels on these arrays."""
        how = {"kind": self.kind, "from_logits": logits or self.from_logits}
        return on_rows(registry.load("crossentropy", target), y, yhat, weights, **how)


class SparseCategoricalCrossentropy(_CrossEntropy):
    """l_n = -log q[n, y_n], q[n] = p[n] / sum_k p[n,k]; y whole numbers in 0..K-1, (N,) or (N,1), images (N,H,W)."""

    name = "sparse_categorical_crossentropy"
    kind = "sparse"

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        """Take Keras's arguments, in Keras's order."""
        super().__init__(from_logits, reduction, name=name, ignore_class=ignore_class, axis=axis, **unknown)

    def target_buffer(self, output_shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array of class numbers, one a row of the predictions."""
        if len(output_shape) < 2:
            raise ValueError(f"{self.name}: the model must give (N, classes), its output has shape {output_shape}")
        return np.zeros(output_shape[:-1], np.int64)

    def fill(self, buffer: np.ndarray, y: np.ndarray) -> None:
        """Copy a batch's class numbers into the buffer; a last axis of one is left out."""
        y = y[..., 0] if y.shape == (*buffer.shape, 1) else y
        if y.shape != buffer.shape:
            raise ValueError(
                f"{self.name}: the labels must have shape {buffer.shape}, got {y.shape}: one class index each"
            )
        np.copyto(buffer, y, casting="unsafe")

    def check_labels(self, y: np.ndarray, output_shape: tuple[int, ...]) -> None:
        """Raise ValueError naming the first label that is no class index of the model."""
        y, classes = np.asarray(y), output_shape[-1]
        if y.ndim == len(output_shape) + 1 and y.shape[-1] > 1:
            what = "pixel" if y.ndim > 2 else "sample"
            raise ValueError(
                f"{self.name}: labels must be one class index a {what}, got shape {y.shape}: for one-hot labels use "
                "loss='categorical_crossentropy', or give y.argmax(axis=-1)"
            )
        flat = y.reshape(-1)
        if flat.dtype.kind not in "iufb":
            raise ValueError(f"{self.name}: labels must be class indices (whole numbers), got an array of {flat.dtype}")
        bad = np.flatnonzero((flat < 0) | (flat >= classes) | (flat != np.floor(flat)))
        if bad.size:
            place = np.unravel_index(bad[0], y.shape)
            raise ValueError(
                f"{self.name}: label {flat[bad[0]]} (sample {place[0]}) is not a class index in 0..{classes - 1}; "
                f"the model's last layer has {classes} outputs"
            )


class _Smoothed(_CrossEntropy):
    settings: ClassVar[tuple[str, ...]] = ("from_logits", "label_smoothing", "reduction")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        """Take Keras's arguments, in Keras's order."""
        super().__init__(from_logits, reduction, name=name, axis=axis, **unknown)
        self.label_smoothing = checks.number(type(self).__name__, "label_smoothing", label_smoothing, 0.0, 1.0)

    def fill(self, buffer: np.ndarray, y: np.ndarray) -> None:
        """Copy a batch's targets into the buffer, smoothed: each moves towards the mean of the answers."""
        super().fill(buffer, y)
        if self.label_smoothing:
            buffer *= 1 - self.label_smoothing
            buffer += self.label_smoothing / self._answers(buffer.shape)

    def _answers(self, shape: tuple[int, ...]) -> int:
        """Return the number of answers that share the smoothed part."""
        return shape[-1]


class CategoricalCrossentropy(_Smoothed):
    """l_n = -sum_k t[n,k] log p[n,k]; y (N,K), images (N,H,W,K), one-hot or probabilities.

    t = (1 - label_smoothing) * y + label_smoothing / K.
    """

    name = "categorical_crossentropy"
    kind = "categorical"


class BinaryCrossentropy(_Smoothed):
    """l = -t log p - (1-t) log(1-p), the mean over all outputs; y in [0,1] shaped like p.

    t = (1 - label_smoothing) * y + label_smoothing / 2.
    """

    name = "binary_crossentropy"
    kind = "binary"
    activation = "sigmoid"

    def _answers(self, shape: tuple[int, ...]) -> int:
        return 2

    def check_labels(self, y: np.ndarray, output_shape: tuple[int, ...]) -> None:
        """Raise unless all targets lie in [0, 1]."""
        super().check_labels(y, output_shape)
        bad = np.flatnonzero(~((np.asarray(y) >= 0) & (np.asarray(y) <= 1)).reshape(-1))
        if bad.size:
            raise ValueError(f"{self.name}: targets must lie in [0, 1], got {np.asarray(y).reshape(-1)[bad[0]]}")
