"""Weight averaging: a moving average of a model's parameters is validated and kept instead of the last step's."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from convnet.callbacks import Callback


class Averaged(Callback):
    """Keep a <- d a + (1 - d) w of every parameter w after each step, d = min(decay, (1 + t) / (10 + t)) at step t.

    From the validation of an epoch until the next epoch begins the model holds the averages, so callbacks after this
    one measure and keep them, and the model ends training with them. Statistics of batch normalisation are averaged
    as well. Source: Polyak & Juditsky, SIAM J. Control Optim. 30:838 (1992); the ramp is TensorFlow's.
    """

    kept: ClassVar[tuple[str, ...]] = ("steps", "own", "averages")

    def __init__(self, decay: float) -> None:
        if not 0 < decay < 1:
            raise ValueError(f"Averaged: decay must be above 0 and below 1, got {decay}")
        self.decay = decay

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Begin with the initial parameters."""
        self.steps = 0
        self.own: list[np.ndarray] | None = None
        self.averages = self.model.get_weights()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Go on training from the parameters of the last step."""
        if self.own is not None:
            self.model.set_weights(self.own)
        self.own = None

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Move the averages towards the parameters."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for average, value in zip(self.averages, self.model.get_weights(), strict=True):
            average += (1 - decay) * (value - average)

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Validate the averages."""
        if self.own is None:
            self.own = self.model.get_weights()
            self.model.set_weights(self.averages)
