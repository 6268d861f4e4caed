"""Arrays in, checked batches in a plan's buffers out."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet import metrics
from convnet.losses import spread_weights
from convnet.nested.several import Several, parts, rows, sample_shape
from convnet.nested.structure import Structure
from kernels import checks

if TYPE_CHECKING:
    from convnet.engine.plan import Plan

Part = Any  # which samples: a slice, or an array of indices
WHOLE = -1  # as a batch size: one batch of all samples


class Batches:
    """Samples, targets and sample weights of one call of fit or evaluate, checked once, then loaded batch by batch.

    x, y, weights   arrays, or Several where the model has several inputs or outputs
    class_weight    of a model with one output
    """

    def __init__(
        self, model: Any, x: Any, y: Any, weight: Any, class_weight: Any, batch_size: int | None, where: str
    ) -> None:
        if x is None or y is None:
            raise ValueError(f"{where}: give x and y, arrays of samples and their targets")
        self.model, self.where, self.x = model, where, model.check_batch(x)
        self.count = len(self.x)
        size = 32 if batch_size is None else batch_size
        self.size = max(self.count, 1) if size is WHOLE else checks.integer(where, "batch_size", size)
        if not self.count:
            raise ValueError(f"{where}: x has no samples, shape {self.x.shape}")
        graph = model.graph(sample_shape(self.x.shape))
        self.gives: Structure = graph.gives
        if not (self.gives.bare and model.is_settled):
            model.settle(self.gives)
        self.loss_names = model.loss.value_names
        self.output_shape = graph.output_shape
        self.y = self._targets(y)
        model.loss.check_labels(self.y, self.output_shape)
        self.weights = self._weights(where, weight, class_weight)

    def _targets(self, y: Any) -> Any:
        """Return the targets as an array, or as Several; None for an output that has none."""
        if self.gives.bare:
            return self._checked(y if isinstance(y, np.ndarray) else np.asarray(self._of_outputs("y", y)[0]))
        losses = [loss for loss, _ in self.model.loss.of_outputs]
        arrays = [None if a is None else self._checked(np.asarray(a)) for a in self._of_outputs("y", y)]
        for name, array, loss in zip(self.gives.names, arrays, losses, strict=True):
            if array is None and loss is not None:
                raise ValueError(f"{self.where}: y has no targets for the output {name!r}, which has a loss")
        return Several(arrays)

    def _checked(self, y: np.ndarray) -> np.ndarray:
        if y.ndim == 0 or len(y) != self.count:
            raise ValueError(f"{self.where}: x has {self.count} samples but y has shape {y.shape}: one target a sample")
        return y

    def _of_outputs(self, what: str, given: Any) -> list[Any]:
        """Return what was given for each output; targets may leave out the outputs that have no loss."""
        if what == "y" and not self.gives.bare:
            wanted = [loss is not None for loss, _ in self.model.loss.of_outputs]
            names = [name for name, loss in zip(self.gives.names, wanted, strict=True) if loss]
            if isinstance(given, dict) and set(names) <= set(given):
                return [given.get(name) for name in self.gives.names]
            if isinstance(given, (list, tuple)) and len(given) == len(names) < len(wanted):
                left = iter(given)
                return [next(left) if loss else None for loss in wanted]
        return self.gives.take(self.where, what, given)

    @property
    def length(self) -> int:
        """The number of samples to shuffle."""
        return self.count

    @property
    def steps(self) -> int:
        """The number of batches."""
        return -(-self.count // self.size)

    def _weights(self, where: str, weight: Any, class_weight: Any) -> Any:
        if weight is None and class_weight is None:
            return None
        if not self.gives.bare:
            return self._weights_of_outputs(where, weight, class_weight)
        weight = self.gives.take(where, "sample_weight", weight)[0]
        lines = (self.count, *self.output_shape[:-1])
        weights = np.ones(lines) if weight is None else spread_weights(where, weight, lines)
        if class_weight is None:
            return weights
        of_class = self._class_weights(where, class_weight)
        return weights * of_class.reshape(-1, *[1] * (weights.ndim - 1))

    def _weights_of_outputs(self, where: str, weight: Any, class_weight: Any) -> Several:
        """Return sample weights for each output: one array counts for all of them."""
        if class_weight is not None:
            raise ValueError(f"{where}: class_weight is for models with one output; give sample_weight for each output")
        one = not isinstance(weight, (list, tuple, dict))
        given = [weight] * len(self.gives.names) if one else self._of_outputs("sample_weight", weight)
        lines = [(self.count, *shape[:-1]) for shape in self.output_shape]
        return Several(
            np.ones(s) if w is None else spread_weights(where, w, s) for w, s in zip(given, lines, strict=True)
        )

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
        bare, shape = self.gives.bare, self.output_shape
        outputs = (self.count, *shape) if bare else tuple((self.count, *each) for each in shape)
        return [metrics.get(m, self.y.shape, outputs) for m in given]

    def parts(self, rng: np.random.Generator | None = None) -> Generator[Part, None, None]:
        """Yield the samples of one batch after the other, shuffled by `rng`."""
        order = None if rng is None else rng.permutation(self.count)
        for start in range(0, self.count, self.size):
            stop = min(start + self.size, self.count)
            yield slice(start, stop) if order is None else order[start:stop]

    def skip_epoch(self, rng: np.random.Generator | None) -> None:
        """Leave an epoch out: its order is drawn."""
        if rng is not None:
            rng.permutation(self.count)

    def arrays(self, part: Part) -> tuple[Any, ...]:
        """Return a batch as a user's own `train_step` gets it: (x, y), or (x, y, sample_weight)."""
        x = self.model.structured_input(rows(self.x, part))
        both = x, self.gives.build(parts(self.y[part]))
        return both if self.weights is None else (*both, self.gives.build(parts(self.weights[part])))

    def load(self, part: Part) -> tuple[Plan, Any]:
        """Fill the model's own plan for training with a batch; return the plan and the targets as they were given."""
        x, labels, kind = self._batch(part)
        plan = self.model.plan(x.shape, training=True, **kind)
        self._fill(plan, x, labels, part)
        return plan, labels

    def measure(self, part: Part) -> tuple[int, Any, Any, Any]:
        """Compute a batch without training; return its size, its loss, its targets and the outputs."""
        x, labels, kind = self._batch(part)
        with self.model.borrowed(x.shape, **kind) as plan:
            self._fill(plan, x, labels, part)
            plan.forward()
            return len(x), plan.measured(), labels, plan.y.copy()

    def weights_of(self, part: Part) -> Any:
        """Return the sample weights of a batch, if there are any."""
        return None if self.weights is None else self.weights[part]

    def labels_of(self, part: Part) -> Any:
        """Return the targets of a batch, as they were given."""
        return self.y[part]

    def count_of(self, part: Part) -> int:
        """Return the number of samples in a batch."""
        return len(range(*part.indices(self.count))) if isinstance(part, slice) else len(part)

    def shard(self, part: Part, first: int, last: int) -> tuple[Batches, Part]:
        """Return some neighbours of a batch, as data and which of them."""
        if not isinstance(part, slice):
            return self, part[first:last]
        start = part.indices(self.count)[0]
        return self, slice(start + first, start + last)

    def _batch(self, part: Part) -> tuple[Any, Any, dict[str, bool]]:
        """Return the samples and targets of a batch, and which kind of plan it needs."""
        weighted = self.weights is not None or self.model.loss.needs_weights
        return rows(self.x, part), self.y[part], {"loss": True, "weighted": weighted}

    def _fill(self, plan: Plan, x: Any, labels: Any, part: Part) -> None:
        plan.x[...] = x
        plan.fill(labels, None if self.weights is None else self.weights[part])


def three(data: Any) -> tuple[Any, Any, Any]:
    """Return (x, y) or (x, y, sample_weight) as three."""
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise ValueError("validation_data must be (x, y) or (x, y, sample_weight)")
    return data[0], data[1], data[2] if len(data) == 3 else None


def split_validation(x: Any, y: Any, weight: Any, share: float) -> tuple[Any, Any, Any, tuple[Any, Any, Any]]:
    """Hold out the last share of the samples, before any shuffling: Keras's validation_split.

    x  as the model checked it; y and weight as the user gave them
    """
    share = checks.number("fit", "validation_split", share, 0.0, 1.0, below=True)
    cut = int(len(x) * (1 - share))
    if cut == 0 or cut == len(x):
        raise ValueError(f"fit: validation_split={share} of {len(x)} samples leaves no samples in one of the parts")

    def of(given: Any, part: slice) -> Any:
        return None if given is None else _each(given, part)

    first, last = slice(0, cut), slice(cut, None)
    return x[first], of(y, first), of(weight, first), (x[last], of(y, last), of(weight, last))


def _each(given: Any, part: slice) -> Any:
    """Return the same samples of an array, or of each array in a list or dict of them."""
    if isinstance(given, dict):
        return {key: _each(value, part) for key, value in given.items()}
    if isinstance(given, (list, tuple)) and any(np.ndim(item) for item in given):
        return [None if item is None else _each(item, part) for item in given]
    return np.asarray(given)[part]
