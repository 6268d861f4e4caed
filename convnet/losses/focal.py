"""Focal cross-entropies: what is predicted well counts less. Source: Lin et al., Focal Loss, ICCV 2017."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from convnet.losses.arrays import ArrayLoss, RowLoss
from convnet.utils import check_flag
from kernels import checks

EPSILON = 1e-7  # Keras's: probabilities are held within [EPSILON, 1 - EPSILON]


class BinaryFocalCrossentropy(RowLoss):
    """l = a_t * (1 - p_t)^gamma * BCE(t, p), the mean over all outputs; p_t = t p + (1-t)(1-p).

    a_t = t alpha + (1-t)(1-alpha) if apply_class_balancing, else 1; t = (1 - label_smoothing) y + label_smoothing / 2.
    """

    name = "binary_focal_crossentropy"
    settings: ClassVar[tuple[str, ...]] = (
        "apply_class_balancing", "alpha", "gamma", "from_logits", "label_smoothing", "reduction",
    )  # fmt: skip

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        """Take Keras's arguments, in Keras's order."""
        super().__init__(reduction, name, axis=axis, **unknown)
        where = type(self).__name__
        self.apply_class_balancing = check_flag(where, "apply_class_balancing", apply_class_balancing)
        self.alpha, self.gamma = checks.number(where, "alpha", alpha, 0.0), checks.number(where, "gamma", gamma, 0.0)
        self.from_logits = check_flag(where, "from_logits", from_logits)
        self.label_smoothing = checks.number(where, "label_smoothing", label_smoothing, 0.0, 1.0)

    def _smoothed(self, y: np.ndarray) -> np.ndarray:
        return y * (1 - self.label_smoothing) + self.label_smoothing / 2

    def _probability(self, yhat: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-yhat)) if self.from_logits else yhat

    def element(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return the loss of each output."""
        t, raw = self._smoothed(y), self._probability(yhat)
        p = np.clip(raw, EPSILON, 1 - EPSILON)
        cross = -t * np.log(p) - (1 - t) * np.log(1 - p)
        return self._balance(t) * (1 - (t * raw + (1 - t) * (1 - raw))) ** self.gamma * cross

    def slope(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return dl/dp, times dp/dz of logits."""
        t, raw = self._smoothed(y), self._probability(yhat)
        p = np.clip(raw, EPSILON, 1 - EPSILON)
        cross = -t * np.log(p) - (1 - t) * np.log(1 - p)
        dcross = np.where((raw > EPSILON) & (raw < 1 - EPSILON), -t / p + (1 - t) / (1 - p), 0.0)
        miss = 1 - (t * raw + (1 - t) * (1 - raw))
        dmiss = 1 - 2 * t
        steep = self.gamma * miss ** (self.gamma - 1) * dmiss if self.gamma else np.zeros_like(miss)
        dp = self._balance(t) * (steep * cross + miss**self.gamma * dcross)
        return dp * raw * (1 - raw) if self.from_logits else dp

    def _balance(self, t: np.ndarray) -> Any:
        return t * self.alpha + (1 - t) * (1 - self.alpha) if self.apply_class_balancing else 1.0


class CategoricalFocalCrossentropy(ArrayLoss):
    """l_n = -sum_k alpha * (1 - q[n,k])^gamma * t[n,k] log q[n,k]; q[n] = p[n] / sum_k p[n,k].

    t = (1 - label_smoothing) y + label_smoothing / K. alpha is a number, or one a class.
    """

    name = "categorical_focal_crossentropy"
    settings: ClassVar[tuple[str, ...]] = ("alpha", "gamma", "from_logits", "label_smoothing", "reduction")

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        """Take Keras's arguments, in Keras's order."""
        super().__init__(reduction, name, axis=axis, **unknown)
        where = type(self).__name__
        given = alpha if isinstance(alpha, (list, tuple, np.ndarray)) else [alpha]
        numbers = [checks.number(where, "alpha", a, 0.0) for a in given]
        self.alpha: Any = numbers if isinstance(alpha, (list, tuple, np.ndarray)) else numbers[0]
        self.gamma = checks.number(where, "gamma", gamma, 0.0)
        self.from_logits = check_flag(where, "from_logits", from_logits)
        self.label_smoothing = checks.number(where, "label_smoothing", label_smoothing, 0.0, 1.0)

    def values(self, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
        """Return the loss of each row."""
        q = np.clip(self._normalised(yhat)[0], EPSILON, 1 - EPSILON)
        return (-np.asarray(self.alpha) * (1 - q) ** self.gamma * self._smoothed(y) * np.log(q)).sum(axis=-1)

    def gradient(self, y: np.ndarray, yhat: np.ndarray, dvalues: np.ndarray) -> np.ndarray:
        """Return the gradient by the chain rule: through log and power, the row's sum, and the softmax of logits."""
        raw, p, total = self._normalised(yhat)
        q = np.clip(raw, EPSILON, 1 - EPSILON)
        steep = self.gamma * (1 - q) ** (self.gamma - 1) * np.log(q) if self.gamma else np.zeros_like(q)
        dq = -np.asarray(self.alpha) * self._smoothed(y) * ((1 - q) ** self.gamma / q - steep)
        dq = np.where((raw > EPSILON) & (raw < 1 - EPSILON), dq, 0.0) * dvalues[..., None]
        dp = (dq - (dq * raw).sum(axis=-1, keepdims=True)) / total
        return p * (dp - (dp * p).sum(axis=-1, keepdims=True)) if self.from_logits else dp

    def _smoothed(self, y: np.ndarray) -> np.ndarray:
        return y * (1 - self.label_smoothing) + self.label_smoothing / y.shape[-1]

    def _normalised(self, yhat: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return q, the probabilities p, and each row's sum of p."""
        p = yhat
        if self.from_logits:
            powers = np.exp(yhat - yhat.max(axis=-1, keepdims=True))
            p = powers / powers.sum(axis=-1, keepdims=True)
        total = p.sum(axis=-1, keepdims=True)
        return p / total, p, total
