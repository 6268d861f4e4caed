"""The weights of a model that runs on a device: there during training, home on the host when somebody looks at them."""

from __future__ import annotations

from typing import Any

from convnet.engine.arena import padded
from convnet.engine.parameter import Parameter
from kernels import targets


class DeviceArena:
    """As Arena: `slabs` of trainable weights and gradients, flat, and `gradients`; all in the device's memory.

    Weights go there before a run, if the host has had them since (`send`), and come home when a parameter's `value` is
    asked for (`bring_home`); from step to step they stay.
    """

    def __init__(self, parameters: list[Parameter], target: str) -> None:
        self.parameters, self.target = parameters, target
        starts, end = padded(parameters)
        dtype = parameters[0].dtype if parameters else "f4"
        weights, gradients = targets.zeros((end,), dtype, target), targets.zeros((end,), dtype, target)
        self.slabs = [(weights, gradients)] if parameters else []
        places = list(zip(parameters, starts, strict=True))
        self.gradients = {p: gradients.part(start, p.shape) for p, start in places}
        self._there = {p: weights.part(start, p.shape) for p, start in places}
        self._home = True  # the host's numbers are the latest

    def value(self, p: Parameter) -> Any:
        """The device's array of a parameter: of the slab, or its own where it is not trained."""
        if p not in self._there:
            self.bring_home()
            self._there[p] = targets.empty(p.shape, p.dtype, self.target)
        return self._there[p]

    def send(self) -> None:
        """Copy the weights to the device, unless they are there."""
        if not self._home:
            return
        for p, there in self._there.items():
            targets.copy(there, p.value)
            p.away = self
        self._home = False

    def bring_home(self) -> None:
        """Copy the weights to the host, unless they are there."""
        if self._home:
            return
        self._home = True
        for p, there in self._there.items():
            p.away = None
            targets.copy(p.value, there)
