"""Arrays in, checked batches in a plan's buffers out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet import metrics
from convnet.losses import spread_weights
from kernels import checks

if TYPE_CHECKING:
    from convnet.engine.plan import Plan

Part = Any  # which samples: a slice, or an array of indices


class Batches:
    """Samples, targets and sample weights of one call of fit or evaluate, checked once, then loaded batch by batch."""

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
        model.loss.check_labels(self.y, self.output_shape)
        self.weights = self._weights(where, weight, class_weight)

    @property
    def steps(self) -> int:
        """The number of batches."""
        return -(-self.count // self.size)

    def _weights(self, where: str, weight: Any, class_weight: Any) -> np.ndarray | None:
        if weight is None and class_weight is None:
            return None
        rows = (self.count, *self.output_shape[:-1])
        weights = np.ones(rows) if weight is None else spread_weights(where, weight, rows)
        if class_weight is None:
            return weights
        of_class = self._class_weights(where, class_weight)
        return weights * of_class.reshape(-1, *[1] * (weights.ndim - 1))

    def _class_weights(self, where: str, class_weight: Any) -> np.ndarray:
        """Return each sample's weight by its class; a class that is not listed weighs 1, as in Keras."""
        if self.y.ndim > 2:
            raise ValueError(f"{where}: class_weight is for one class a sample, the targets have shape {self.y.shape}")
        labels = self.y.argmax(-1) if self.y.ndim == 2 and self.y.shape[1] > 1 else self.y.reshape(self.count)
        classes = np.round(labels).astype(np.int64)
        if isinstance(class_weight, str) and class_weight == "balanced":
            found, counts = np.unique(classes, return_counts=True)
            class_weight = dict(zip(found.tolist(), (self.count / (len(found) * counts)).tolist(), strict=True))
        if not isinstance(class_weight, Mapping):
            raise TypeError(f"{where}: class_weight must be {{class: weight}} or 'balanced', got {class_weight!r}")
        for name, value in class_weight.items():
            checks.number(where, f"class_weight[{name}]", value, 0.0)
        return np.array([class_weight.get(c, 1.0) for c in classes.tolist()], float)

    def metrics(self, given: list[Any]) -> list[metrics.Metric]:
        """Return metrics as objects that fit these targets."""
        return [metrics.get(m, self.y.shape, (self.count, *self.output_shape)) for m in given]

    def parts(self, rng: np.random.Generator | None = None) -> Iterator[Part]:
        """Yield the samples of one batch after the other, shuffled by `rng`."""
        order = None if rng is None else rng.permutation(self.count)
        for start in range(0, self.count, self.size):
            stop = min(start + self.size, self.count)
            yield slice(start, stop) if order is None else order[start:stop]

    def arrays(self, part: Part) -> tuple[Any, ...]:
        """Return a batch as a user's own `train_step` gets it: (x, y), or (x, y, sample_weight)."""
        both = np.asarray(self.x[part]), self.y[part]
        return both if self.weights is None else (*both, self.weights[part])

    def load(self, part: Part) -> tuple[Plan, np.ndarray]:
        """Fill the model's own plan for training with a batch; return the plan and the targets as they were given."""
        rows, labels, kind = self._batch(part)
        plan = self.model.plan(rows.shape, training=True, **kind)
        self._fill(plan, rows, labels, part)
        return plan, labels

    def measure(self, part: Part) -> tuple[int, float, np.ndarray, np.ndarray]:
        """Compute a batch without training; return its size, its loss, its targets and the outputs."""
        rows, labels, kind = self._batch(part)
        with self.model.borrowed(rows.shape, **kind) as plan:
            self._fill(plan, rows, labels, part)
            plan.forward()
            return len(rows), float(plan.loss), labels, plan.y.copy()

    def weights_of(self, part: Part) -> np.ndarray | None:
        """Return the sample weights of a batch, if there are any."""
        return None if self.weights is None else self.weights[part]

    def _batch(self, part: Part) -> tuple[Any, np.ndarray, dict[str, bool]]:
        """Return the samples and targets of a batch, and which kind of plan it needs."""
        weighted = self.weights is not None or self.model.loss.needs_weights
        return np.asarray(self.x[part]), self.y[part], {"loss": True, "weighted": weighted}

    def _fill(self, plan: Plan, rows: np.ndarray, labels: np.ndarray, part: Part) -> None:
        plan.x[...] = rows
        self.model.loss.fill(plan.target_array, labels)
        if plan.sample_weights is not None:
            plan.sample_weights[...] = 1 if self.weights is None else self.weights[part]
            self.model.loss.scale(plan.sample_weights)


def three(data: Any) -> tuple[Any, Any, Any]:
    """Return (x, y) or (x, y, sample_weight) as three."""
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise ValueError("validation_data must be (x, y) or (x, y, sample_weight)")
    return data[0], data[1], data[2] if len(data) == 3 else None


def split_validation(x: Any, y: Any, weight: Any, share: float) -> tuple[Any, Any, Any, tuple[Any, Any, Any]]:
    """Hold out the last share of the samples, before any shuffling: Keras's validation_split."""
    share = checks.number("fit", "validation_split", share, 0.0, 1.0, below=True)
    x, y = np.asarray(x), np.asarray(y)
    cut = int(len(x) * (1 - share))
    if cut == 0 or cut == len(x):
        raise ValueError(f"fit: validation_split={share} of {len(x)} samples leaves no samples in one of the parts")
    w = None if weight is None else np.asarray(weight)
    held = (x[cut:], y[cut:], None if w is None else w[cut:])
    return x[:cut], y[:cut], None if w is None else w[:cut], held
