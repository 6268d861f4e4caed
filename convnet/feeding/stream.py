"""The batches of a source, as `fit`, `evaluate` and `predict` take them."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import chain, islice
from typing import Any

import numpy as np

from convnet import metrics
from convnet.engine.batches import WHOLE, Batches
from convnet.engine.plan import Plan
from convnet.feeding.prefetch import Prefetch
from convnet.feeding.sources import Source, as_arrays
from convnet.utils import unpack_x_y_sample_weight
from kernels import checks

ALL = slice(None)


class Stream:
    """Takes the place of Batches for data that come batch by batch: a part is one batch, checked.

    model         whose data they are
    given         what yields (x, y) or (x, y, sample_weight)
    class_weight  {class: weight}, for each batch
    steps         batches in an epoch; the next epoch goes on behind them. None: until the source ends
    where         of what function, for errors
    """

    count = 0  # images: not known before they came

    def __init__(self, model: Any, given: Any, class_weight: Any, steps: int | None, where: str) -> None:
        if isinstance(class_weight, str):
            raise ValueError(f"{where}: class_weight={class_weight!r} needs all labels at once: give {{class: weight}}")
        self.model, self.where, self.class_weight = model, where, class_weight
        self.source = Source(given)
        self.limit = None if steps is None else checks.integer(where, "steps", steps)
        self._going: Iterator[Any] | None = None  # behind the batches of the epoch before
        self._first: Batches | None = None

    @property
    def steps(self) -> int | None:
        """The number of batches in an epoch, if it is known."""
        return self.source.length if self.limit is None else self.limit

    @property
    def length(self) -> int:
        """The number of batches to shuffle; 0 of a source that has an order of its own."""
        return self.source.length or 0 if self.source.by_index else 0

    def skip_epoch(self, rng: np.random.Generator | None) -> None:
        """Leave an epoch's batches out: of a source that goes on from epoch to epoch they are fetched and dropped."""
        if self.source.once or self.limit is not None:
            with closing(self.raw(rng)) as raw:
                for _ in raw:
                    pass
            return
        self.source.tell("on_epoch_begin")
        if rng is not None and self.length:
            rng.permutation(self.length)
        self.source.tell("on_epoch_end")

    def raw(self, rng: np.random.Generator | None = None) -> Generator[Any, None, None]:
        """Yield an epoch's batches as they come, fetched ahead in a thread."""
        if self.limit is None:
            coming: Iterator[Any] = self.source.start(rng)
        else:
            coming = islice(self._continue(rng), self.limit)
        self.source.tell("on_epoch_begin")
        ahead, found = Prefetch(map(as_arrays, coming)), 0
        try:
            for batch in ahead:
                found += 1
                yield batch
        finally:
            ahead.close()
        if self.limit is not None and found < self.limit:
            self._going = None
            if found:
                warnings.warn(f"{self.where}: the data ran out after {found} of {self.limit} batches", stacklevel=2)
        self.source.tell("on_epoch_end")

    def _continue(self, rng: np.random.Generator | None) -> Iterator[Any]:
        if self._going is None:
            self._going = self.source.start(rng)
            return self._going
        after = next(self._going, self)
        if after is not self:
            return chain([after], self._going)
        self._going = self.source.start(rng)
        return self._going

    def parts(self, rng: np.random.Generator | None = None) -> Generator[Batches, None, None] | None:
        """Return an epoch's batches, the first one fetched and checked already; None if no more come.

        ValueError if none ever came.
        """
        batches = self._batches(rng)
        first = next(batches, None)
        if first is None:
            if self._first is None:
                raise ValueError(f"{self.where}: the data have no batches")
            return None
        self._first = first
        return _closing(first, batches)

    def _batches(self, rng: np.random.Generator | None) -> Generator[Batches, None, None]:
        with closing(self.raw(rng)) as raw:
            for batch in raw:
                yield self._batch(batch)

    def _batch(self, raw: Any) -> Batches:
        x, y, weight = unpack_x_y_sample_weight(raw)
        if y is None:
            raise ValueError(f"{self.where}: each batch must be (x, y) or (x, y, sample_weight), got x alone")
        return Batches(self.model, x, y, weight, self.class_weight, WHOLE, self.where)

    # --- as Batches

    @property
    def loss_names(self) -> list[str]:
        """The names of the numbers that are measured."""
        return self._first.loss_names if self._first is not None else ["loss"]

    def metrics(self, given: list[Any]) -> list[metrics.Metric]:
        """Return metrics as objects that fit the first batch's targets."""
        return [] if self._first is None else self._first.metrics(given)

    def arrays(self, part: Batches) -> tuple[Any, ...]:
        """Return a batch as a user's own `train_step` gets it."""
        return part.arrays(ALL)

    def load(self, part: Batches) -> tuple[Plan, Any]:
        """Fill the model's own plan for training with a batch."""
        return part.load(ALL)

    def measure(self, part: Batches) -> tuple[int, Any, Any, Any]:
        """Compute a batch without training."""
        return part.measure(ALL)

    def weights_of(self, part: Batches) -> Any:
        """Return the sample weights of a batch, if there are any."""
        return part.weights_of(ALL)

    def labels_of(self, part: Batches) -> Any:
        """Return the targets of a batch, as they were given."""
        return part.y

    def count_of(self, part: Batches) -> int:
        """Return the number of samples in a batch."""
        return part.count

    def shard(self, part: Batches, first: int, last: int) -> tuple[Batches, Any]:
        """Return some neighbours of a batch, as data and which of them."""
        return part, slice(first, last)


def _closing(first: Batches, others: Generator[Batches, None, None]) -> Generator[Batches, None, None]:
    """Yield the batches; whoever leaves off in the middle ends the thread that fetches them."""
    with closing(others):
        yield first
        yield from others
