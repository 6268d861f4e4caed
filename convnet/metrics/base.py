"""What every metric has: a name, a direction, and Keras's three methods beside our own."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from convnet.utils import check_name, refuse


class Metric:
    """A number gathered over batches: reset(), update(y_true, y_pred, weights) for each, result().

    A metric of your own overrides these three, or Keras's names for them: `reset_state`, `update_state`, `result`.
    `direction` is "up" if larger is better, "down" if smaller is, and None if EarlyStopping has to be told.
    """

    kind: ClassVar[str] = "metric"
    direction: ClassVar[str | None] = None
    settings: ClassVar[tuple[str, ...]] = ()
    defaults: ClassVar[dict[str, Any]] = {"dtype": "float32"}  # Keras's, which may be spelled out

    def __init__(self, name: str | None = None, **unknown: Any) -> None:
        """Take a name, under which `fit` reports the number."""
        where = type(self).__name__
        refuse(where, unknown, (*self.settings, "name"), self.defaults)
        self.name = check_name(where, name) or self.kind
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""

    def update(self, y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Take in one batch."""
        raise TypeError(f"{type(self).__name__} must define update(y_true, y_pred) or update_state")

    def result(self) -> Any:
        """Return the metric over all that was seen."""
        raise TypeError(f"{type(self).__name__} must define result()")

    def reset_state(self) -> None:
        """Forget what was seen (Keras's name)."""
        self.reset()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in one batch (Keras's name)."""
        if sample_weight is None:
            self.update(np.asarray(y_true), np.asarray(y_pred))
        else:
            self.update(np.asarray(y_true), np.asarray(y_pred), np.asarray(sample_weight, float))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Take in one batch and return the metric over all that was seen."""
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """Return the kind, the name and the settings, as plain JSON."""
        return {"name": self.kind, "label": self.name} | {s: getattr(self, s) for s in self.settings}


def shaped_like(where: str, y_true: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the targets in a shape of as many numbers."""
    if y_true.size != np.prod(shape):
        raise ValueError(f"{where}: the targets, of shape {y_true.shape}, must be as many as {shape}")
    return y_true.reshape(shape)
