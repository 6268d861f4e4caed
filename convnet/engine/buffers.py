"""A plan's arrays, and what is copied between them and the host around a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.engine.operator import Value
from kernels import targets


class Buffers:
    """An array for each value of a plan, where the plan runs.

    The host's arrays of the input, the output and the loss are the plan's own on the CPU; elsewhere `send` copies to
    the target and `fetch` copies back.
    """

    def __init__(self, batch: int, dtype: np.dtype, target: str) -> None:
        self.batch, self.dtype, self.target = batch, dtype, target
        self._arrays: dict[Value, Any] = {}
        self._sent: list[tuple[Any, np.ndarray]] = []
        self._fetched: list[tuple[np.ndarray, Any]] = []

    def array(self, value: Value) -> Any:
        """Return the value's array; one that takes over its input's memory is a view of it."""
        views: list[Value] = []
        owner = value
        while owner not in self._arrays and owner.alias is not None:  # no recursion: a chain may be long
            views.append(owner)
            owner = owner.alias
        if owner not in self._arrays:
            shape = (self.batch, *owner.shape)
            self._arrays[owner] = targets.empty(shape, owner.dtype or self.dtype, self.target)
        for view in reversed(views):
            self._arrays[view] = self._arrays[owner].reshape((self.batch, *view.shape))
        return self._arrays[value]

    # --- the host's side

    def input(self, value: Value) -> np.ndarray:
        """Return the host's array of the value that a run starts from."""
        there = self.array(value)
        return there if self.target == "cpu" else self._note_sent(np.zeros(there.shape, self.dtype), there)

    def output(self, value: Value) -> np.ndarray:
        """Return the host's array of the value that a run ends with."""
        there = self.array(value)
        return there if self.target == "cpu" else self._note_fetched(np.zeros(there.shape, self.dtype), there)

    def copy_of(self, here: np.ndarray) -> Any:
        """Return the target's copy of a host array, which `send` fills; on the CPU the array itself."""
        if self.target == "cpu":
            return here
        there = targets.empty(here.shape, here.dtype, self.target)
        self._note_sent(here, there)
        return there

    def source_of(self, here: np.ndarray) -> Any:
        """Return an array of the target that `fetch` copies to the host's; on the CPU the array itself."""
        if self.target == "cpu":
            return here
        there = targets.empty(here.shape, here.dtype, self.target)
        self._note_fetched(here, there)
        return there

    def _note_sent(self, here: np.ndarray, there: Any) -> np.ndarray:
        self._sent.append((there, here))
        return here

    def _note_fetched(self, here: np.ndarray, there: Any) -> np.ndarray:
        self._fetched.append((here, there))
        return here

    def send(self) -> None:
        """Copy input, targets and sample weights to the target, unless it is the CPU."""
        for there, here in self._sent:
            targets.copy(there, here)

    def fetch(self) -> None:
        """Copy output and loss to the host, unless the target is the CPU."""
        for here, there in self._fetched:
            targets.copy(here, there)

    def on_host(self, array: Any) -> np.ndarray:
        """Return the numbers of a target's array as a NumPy array; on the CPU the array itself."""
        return array if self.target == "cpu" else targets.to_host(array)
