"""The arrays of a model with several inputs or outputs, where a model with one of them has an array."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


class Several:
    """Arrays that belong to the same samples: sliced, filled and copied together. None for one that is not there."""

    __slots__ = ("arrays",)

    def __init__(self, arrays: Iterable[Any]) -> None:
        self.arrays = tuple(arrays)

    def __len__(self) -> int:
        """Return the number of samples."""
        return next(len(a) for a in self.arrays if a is not None)

    @property
    def shape(self) -> tuple[Any, ...]:
        """The arrays' shapes."""
        return tuple(None if a is None else a.shape for a in self.arrays)

    def __getitem__(self, part: Any) -> Several:
        """Return the same samples of each array."""
        return Several(None if a is None else np.asarray(a[part]) for a in self.arrays)

    def __setitem__(self, part: Any, other: Several) -> None:
        """Fill the same samples of each array."""
        for mine, given in zip(self.arrays, other.arrays, strict=True):
            mine[part] = given

    def copy(self) -> Several:
        """Return copies of the arrays."""
        return Several(a.copy() for a in self.arrays)


def joined(arrays: Iterable[Any], bare: bool) -> Any:
    """Return the one array of a model with one, or Several."""
    return next(iter(arrays)) if bare else Several(arrays)


def parts(given: Any) -> tuple[Any, ...]:
    """Return the arrays in order: one, or those of Several."""
    return given.arrays if isinstance(given, Several) else (given,)


def rows(given: Any, part: Any) -> Any:
    """Return some samples as NumPy arrays."""
    some = given[part]
    return some if isinstance(some, (np.ndarray, Several)) else np.asarray(some)


def empty(like: Any, count: int) -> Any:
    """Return arrays for `count` samples of the same shape as those of `like`."""
    made = [np.empty((count, *a.shape[1:]), a.dtype) for a in parts(like)]
    return joined(made, not isinstance(like, Several))


def sample_shape(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the shape of one sample of a batch; of several arrays, their shapes."""
    if shape and isinstance(shape[0], tuple):
        return tuple(s[1:] for s in shape)
    return shape[1:]


def batch_size(shape: tuple[Any, ...]) -> int:
    """Return the number of samples in a batch of this shape, or of these shapes."""
    return shape[0][0] if isinstance(shape[0], tuple) else shape[0]


def each_shape(shape: tuple[Any, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of all inputs: of one, or of several."""
    return shape if shape and isinstance(shape[0], tuple) else (shape,)
