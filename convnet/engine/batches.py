"""Arrays in, checked batches in a plan's buffers out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet import metrics
from convnet.losses import SparseCategoricalCrossentropy
from kernels import checks

if TYPE_CHECKING:
    from convnet.engine.plan import Plan


class Batches:
    """Samples, targets and weights of one call of fit or evaluate, checked once, then loaded batch by batch."""

    def __init__(
        self, model: Any, x: Any, y: Any, weight: Any, class_weight: Any, batch_size: int | None, where: str
    ) -> None:
        if x is None or y is None:
            raise ValueError(f"{where}: give x and y, arrays of samples and their targets")
        self.model, self.x, self.y = model, model.check_batch(x), np.asarray(y)
        self.count, self.size = (
            len(self.x),
            checks.integer(where, "batch_size", 32 if batch_size is None else batch_size),
        )
        if not self.count:
            raise ValueError(f"{where}: x has no samples, shape {self.x.shape}")
        if self.y.ndim == 0 or len(self.y) != self.count:
            raise ValueError(f"{where}: x has {self.count} samples but y has shape {self.y.shape}: one target a sample")
        self.output_shape = model.graph(self.x.shape[1:]).output.sample_shape
        model.loss.check_labels(self.y, self.output_shape[-1])
        self.weights = self._weights(where, weight, class_weight)

    def _weights(self, where: str, weight: Any, class_weight: Any) -> np.ndarray | None:
        if weight is None and class_weight is None:
            return None
        weights = np.ones(self.count) if weight is None else np.asarray(weight, float)
        if weights.shape != (self.count,):
            raise ValueError(f"{where}: sample_weight must be {self.count} numbers, one a sample, got {weights.shape}")
        bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
        if bad.size:
            raise ValueError(f"{where}: sample_weight must be finite and >= 0, got {weights[bad[0]]} at {bad[0]}")
        if class_weight is not None:
            classes = self.y.argmax(-1) if self.y.ndim == 2 and self.y.shape[1] > 1 else self.y.reshape(self.count)
            missing = sorted(set(np.unique(classes).tolist()) - set(class_weight))
            if missing:
                raise ValueError(f"{where}: class_weight lacks class {missing[0]}; it has {sorted(class_weight)}")
            weights = weights * np.array([class_weight[c] for c in classes.tolist()], float)
        return weights

    def metrics(self) -> list[metrics.Metric]:
        """The model's metrics as objects that fit these targets."""
        one = self.output_shape[-1] == 1
        sparse = isinstance(self.model.loss, SparseCategoricalCrossentropy) or (
            not one and (self.y.ndim == 1 or self.y.shape[-1] != self.output_shape[-1])
        )
        return [metrics.get(m, self.output_shape, sparse) for m in self.model.compiled_metrics]

    def load(self, *, training: bool, rng: np.random.Generator | None = None) -> Iterator[tuple[Plan, np.ndarray]]:
        """Fill a plan's buffers with one batch after the other, shuffled by `rng`; yields (plan, targets)."""
        order = None if rng is None else rng.permutation(self.count)
        for start in range(0, self.count, self.size):
            stop = min(start + self.size, self.count)
            part: Any = slice(start, stop) if order is None else order[start:stop]
            plan = self.model.plan(
                (stop - start, *self.x.shape[1:]), training=training, loss=True, weighted=self.weights is not None
            )
            labels = self.y[part]
            plan.x[...] = self.x[part]
            self.model.loss.fill(plan.target_array, labels)
            if self.weights is not None:
                plan.sample_weights[...] = self.weights[part]
            yield plan, labels


def three(data: Any) -> tuple[Any, Any, Any]:
    """(x, y) or (x, y, sample_weight) as three."""
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise ValueError("validation_data must be (x, y) or (x, y, sample_weight)")
    return data[0], data[1], data[2] if len(data) == 3 else None


def split_validation(x: Any, y: Any, weight: Any, share: float) -> tuple[Any, Any, Any, tuple[Any, Any, Any]]:
    """Keras's validation_split: the last share of the samples, before any shuffling, is held out."""
    share = checks.number("fit", "validation_split", share, 0.0, 1.0, below=True)
    x, y = np.asarray(x), np.asarray(y)
    cut = int(len(x) * (1 - share))
    if cut == 0 or cut == len(x):
        raise ValueError(f"fit: validation_split={share} of {len(x)} samples leaves no samples in one of the parts")
    w = None if weight is None else np.asarray(weight)
    held = (x[cut:], y[cut:], None if w is None else w[cut:])
    return x[:cut], y[:cut], None if w is None else w[:cut], held
