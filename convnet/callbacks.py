"""Callbacks of `fit`, with Keras's names and meanings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.cells import lines
from convnet.utils import refuse

if TYPE_CHECKING:
    from convnet.model import Model

Logs = dict[str, float]


class Callback:
    """Override what you need; `self.model` is the model in training."""

    model: Model

    def on_train_begin(self) -> None: ...

    def on_train_end(self) -> None: ...

    def on_epoch_begin(self, epoch: int) -> None: ...

    def on_epoch_end(self, epoch: int, logs: Logs) -> None: ...

    def on_train_batch_end(self, batch: int, logs: Logs) -> None: ...


class History(Callback):
    """What `fit` returns: `history`, a list for each figure, and `epoch`, the epochs' numbers."""

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


class _Monitor(Callback):
    """Knows when the watched figure is the best so far."""

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"{type(self).__name__}: mode must be 'auto', 'min' or 'max', got {mode!r}")
        larger = mode == "max" or (mode == "auto" and monitor.endswith(("acc", "accuracy", "auc", "AUC")))
        self.monitor, self.sign, self.min_delta = monitor, 1.0 if larger else -1.0, abs(min_delta)

    def better(self, value: float, best: float | None) -> bool:
        """Is `value` better than `best` by more than min_delta? NaN never is."""
        if np.isnan(value):
            return False
        return best is None or self.sign * (value - best) > self.min_delta

    def watched(self, logs: Logs) -> float:
        if self.monitor not in logs:
            raise ValueError(
                f"{type(self).__name__}: there is no figure {self.monitor!r} to watch; there is {', '.join(logs)}"
                + (": give fit validation_data" if self.monitor.startswith("val_") else "")
            )
        return logs[self.monitor]


class EarlyStopping(_Monitor):
    """Stop when the watched figure has not become better for `patience` epochs; restore the best weights if asked."""

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch

    def on_train_begin(self) -> None:
        self.best: float | None = None
        self.best_epoch, self.stopped_epoch, self.wait = 0, 0, 0
        self.best_weights: list[np.ndarray] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        value = self.watched(logs)
        if epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.better(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch, self.model.stop_training = epoch, True

    def on_train_end(self) -> None:
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ModelCheckpoint(_Monitor):
    """Save the model after each epoch, or only when the watched figure became better.

    `filepath` may hold figures: "model-{epoch:02d}-{val_loss:.3f}.safetensors".
    """

    def __init__(
        self,
        filepath: str | Path,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        **unknown: Any,
    ) -> None:
        refuse("ModelCheckpoint", unknown, ("filepath", "monitor", "verbose", "save_best_only", "mode"))
        super().__init__(monitor, mode)
        self.filepath, self.verbose, self.save_best_only = str(filepath), verbose, save_best_only
        self.best: float | None = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.save_best_only:
            value = self.watched(logs)
            if not self.better(value, self.best):
                return
            self.best = value
        path = self.filepath.format(epoch=epoch + 1, **logs)
        self.model.save(path)
        if self.verbose:
            print(f"Epoch {epoch + 1}: saved to {path}")


class CSVLogger(Callback):
    """A table of the figures, a line an epoch."""

    def __init__(self, filename: str | Path, separator: str = ",", append: bool = False) -> None:
        self.filename, self.separator, self.append = Path(filename), separator, append

    def on_train_begin(self) -> None:
        self.header = not (self.append and self.filename.exists() and self.filename.stat().st_size)
        if not self.append:
            self.filename.write_text("", encoding="utf-8")

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        with self.filename.open("a", newline="", encoding="utf-8") as file:
            names = [["epoch", *logs]] if self.header else []
            self.header = False
            file.write(lines([*names, [epoch, *logs.values()]], self.separator))
