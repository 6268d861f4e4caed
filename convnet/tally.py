"""What a run has measured so far: the loss and the metrics, and which epoch was the best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.callbacks import Callback, EarlyStopping
from convnet.metrics import Metric, reported_names

if TYPE_CHECKING:
    from convnet.engine.batches import Batches
    from convnet.feeding import Stream


class Tally:
    """Loss and metrics over the batches so far; the loss weighted by the batches' sizes."""

    def __init__(self, data: Batches | Stream, plain: list[Any], weighted: list[Any]) -> None:
        self.plain, self.weighted = data.metrics(plain), data.metrics(weighted)
        self.images, self.loss = 0, 0.0  # of several outputs, loss becomes an array: the whole, then each one's
        self.loss_names = data.loss_names
        self.names = reported_names(self.plain, self.weighted)
        for m in self.metrics:
            m.reset_state()

    @property
    def metrics(self) -> list[Metric]:
        """The metrics, in the order in which they are reported."""
        return [*self.plain, *self.weighted]

    def add(self, found: tuple[int, Any, Any, Any], weights: Any) -> None:
        """Take in a batch: its size, its loss, its targets and its outputs."""
        images, loss, labels, outputs = found
        self.images += images
        self.loss += loss * images
        for m in self.plain:
            m.update_state(labels, outputs)
        for m in self.weighted:
            m.update_state(labels, outputs, weights)

    def logs(self) -> dict[str, float]:
        """Return the loss (of several outputs also each one's) and the metrics by name."""
        loss = self.loss / max(self.images, 1)
        found = {name: m.result() for name, m in zip(self.names, self.metrics, strict=True)}
        if not isinstance(loss, np.ndarray):
            return {"loss": loss, **found}
        return {
            **dict(zip(self.loss_names, np.broadcast_to(loss, len(self.loss_names)).tolist(), strict=False)),
            **found,
        }


class Best:
    """The weights of the best epoch so far (by val_loss, else by loss), for when training is interrupted.

    An EarlyStopping that restores has a say in what is best: then it does so, and not this.
    """

    def __init__(self, model: Any, calls: list[Callback]) -> None:
        self.model, self.value, self.epoch = model, float("inf"), -1
        self.weights: list[np.ndarray] | None = None
        self.others = [c for c in calls if isinstance(c, EarlyStopping) and c.restore_best_weights]

    def note(self, epoch: int, logs: dict[str, float]) -> None:
        """Keep the weights if this epoch is the best so far."""
        value = logs.get("val_loss", logs.get("loss", float("nan")))
        if value < self.value:
            self.value, self.epoch, self.weights = value, epoch, self.model.get_weights()

    def restore(self) -> str:
        """Restore the best epoch's weights; return what was done, in a sentence."""
        for c in self.others:
            if c.best_weights is not None:
                return f"the weights are those of the best epoch by {c.monitor}, {c.best_epoch + 1}."
        if self.weights is None:
            return "no epoch was complete; the weights are those of the last finished step."
        self.model.set_weights(self.weights)
        return f"the weights are those of the best epoch, {self.epoch + 1} (loss {self.value:.4f})."
