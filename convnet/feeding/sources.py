"""What may be given instead of arrays: anything that yields batches, from the start again or only once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


def is_source(x: Any) -> bool:
    """Return True for what yields batches: an iterator or iterable, or a sequence of batches that is no array."""
    if x is None or isinstance(x, (np.ndarray, list, tuple, dict, str, bytes)):
        return False
    if hasattr(x, "shape") or hasattr(x, "__array__"):
        return False
    return hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))


def length_of(x: Any) -> int | None:
    """Return how many batches there are, if it is known."""
    try:
        count = len(x)
    except (TypeError, NotImplementedError, ValueError):
        return None
    return count if count >= 0 else None


class Source:
    """Batches in their order, from the first on each time, unless the object itself is an iterator."""

    def __init__(self, given: Any) -> None:
        self.given = given
        self.once = hasattr(given, "__next__")
        self.by_index = hasattr(given, "__getitem__") and hasattr(given, "__len__")  # Keras's PyDataset
        self.length = None if self.once else length_of(given)

    def start(self, rng: np.random.Generator | None) -> Iterator[Any]:
        """Return an iterator from the first batch on; of a sequence in an order of `rng`, if there is one."""
        if not self.by_index:
            return iter(self.given)
        count = len(self.given)
        order = range(count) if rng is None else rng.permutation(count).tolist()
        return (self.given[int(place)] for place in order)

    def tell(self, hook: str) -> None:
        """Call Keras's `on_epoch_begin` or `on_epoch_end` of a dataset that has it."""
        method = getattr(self.given, hook, None)
        if callable(method):
            method()


def as_arrays(batch: Any) -> Any:
    """Return a batch with NumPy arrays for tensors, in the same tuples, lists and dicts."""
    if isinstance(batch, dict):
        return {key: as_arrays(value) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(map(as_arrays, batch)) if type(batch) in (list, tuple) else tuple(map(as_arrays, batch))
    if batch is None or isinstance(batch, np.ndarray):
        return batch
    if hasattr(batch, "detach"):  # a PyTorch tensor, wherever it is
        batch = batch.detach().cpu()
    return batch.numpy() if callable(getattr(batch, "numpy", None)) else np.asarray(batch)
