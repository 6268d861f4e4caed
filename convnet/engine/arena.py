"""The trainable weights of a model in one flat array, so that an optimizer's step is one call.

Each parameter's `value` becomes a view into it, and its gradient a view into a second array of the same layout.
"""

from __future__ import annotations

import numpy as np

from convnet.engine.parameter import Parameter
from kernels import targets

_LANES = 16  # each parameter starts at a multiple of 16 numbers: a vector of the widest registers


class Arena:
    """`slabs`: pairs (weights, gradients) of flat arrays; `gradients`: each parameter's view."""

    def __init__(self, parameters: list[Parameter]) -> None:
        self.parameters, self.target = parameters, "cpu"
        self.gradients: dict[Parameter, np.ndarray] = {}
        self._used: dict[Parameter, None] = {}
        self.slabs: list[tuple[np.ndarray, np.ndarray]] = []
        free = [p for p in parameters if p.value.base is None]
        if free:
            self._pack(free)
        for p in parameters:
            if p not in self.gradients:  # lives in another model's slab, or in this model's former one: stays there
                self.gradients[p] = np.zeros_like(p.value)
                self.slabs.append((p.value.reshape(-1), self.gradients[p].reshape(-1)))

    def value(self, p: Parameter) -> np.ndarray:
        """The array that kernels read and write: the parameter's own."""
        self._used[p] = None
        return p.value

    def send(self) -> None:
        """Bring home what another model has on a device."""
        for p in self._used:
            if p.away is not None:
                p.away.bring_home()

    def _pack(self, parameters: list[Parameter]) -> None:
        starts, end = padded(parameters)
        weights, gradients = (targets.zeros((end,), parameters[0].value.dtype, "cpu") for _ in range(2))
        for p, start in zip(parameters, starts, strict=True):
            place = slice(start, start + p.value.size)
            view = weights[place].reshape(p.value.shape)
            view[...] = p.value
            p.value = view
            self.gradients[p] = gradients[place].reshape(view.shape)
        self.slabs.append((weights, gradients))


def padded(parameters: list[Parameter]) -> tuple[list[int], int]:
    """Where each parameter starts in a slab, and where the last one ends."""
    starts, end = [], 0
    for p in parameters:
        starts.append(end)
        end += -(-p.value.size // _LANES) * _LANES
    return starts, end
