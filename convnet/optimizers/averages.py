"""Averages of the parameters over the steps, as Keras's use_ema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from convnet.utils import check_flag
from kernels import checks

Slabs = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Averages:
    """a <- m a + (1 - m) w after each step, the first a being w; kept as the last of each slab's states."""

    momentum: float
    frequency: int | None

    @classmethod
    def of(cls, where: str, given: dict[str, Any]) -> Averages | None:
        """Return the averages that were asked for, or None."""
        momentum = checks.number(where, "ema_momentum", given.get("ema_momentum", 0.99), 0.0, 1.0)
        every = given.get("ema_overwrite_frequency")
        every = None if every is None else checks.integer(where, "ema_overwrite_frequency", every)
        return cls(momentum, every) if check_flag(where, "use_ema", given.get("use_ema", False)) else None

    def config(self) -> dict[str, Any]:
        """Return the arguments, as plain JSON."""
        return {"use_ema": True, "ema_momentum": self.momentum, "ema_overwrite_frequency": self.frequency}

    def follow(self, slabs: Slabs, states: list[list[np.ndarray]], step: int) -> None:
        """Move the averages after a step, the first being 1, and use them if they are due."""
        momentum = self.momentum if step > 1 else 0.0
        for (p, _), state in zip(slabs, states, strict=True):
            state[-1] *= p.dtype.type(momentum)
            state[-1] += p.dtype.type(1 - momentum) * p
        if self.frequency and step % self.frequency == 0:
            self.overwrite(slabs, states)

    def overwrite(self, slabs: Slabs, states: list[list[np.ndarray]]) -> None:
        """Put the averages in the parameters' place."""
        for (p, _), state in zip(slabs, states, strict=True):
            p[...] = state[-1]
