"""Dropout."""

from __future__ import annotations

from typing import Any, ClassVar

from convnet.engine.operator import Lowering, Value
from convnet.layers.base import Layer
from convnet.utils import next_seed
from kernels import checks


class Dropout(Layer):
    """In training, zero a share `rate` of the numbers and multiply the rest by 1/(1-rate); otherwise nothing.

    The mask is counter-based (Philox): `seed`, the call's number and the position give it, on any thread or target.
    """

    settings: ClassVar[tuple[str, ...]] = ("rate", "seed")

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = checks.number(self.name, "rate", rate, 0.0, 1.0, below=True)
        self.seed = next_seed() if seed is None else checks.integer(self.name, "seed", seed, 0)
        self.calls = 0  # every training call draws another mask

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        if not low.training or self.rate == 0:
            return inputs[0]
        return low.emit("dropout", inputs, inputs[0].shape, self, rate=self.rate)
