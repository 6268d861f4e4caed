"""Callbacks of `fit`, with Keras's names and meanings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from convnet.output.spreadsheet import lines
from convnet.utils import refuse

Logs = dict[str, float]
RECORD = "formula-convnet record 1"


class Callback:
    """Override what you need; `self.model` is the model in training."""

    model: Any  # a Model; any, since a callback may use all of it

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

    def _repr_html_(self) -> str:
        from convnet.terms.display import history_table

        return history_table(self.epoch, self.history)._repr_html_()


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


class Recorder(Callback):
    """Keeps the weights of the convolutions and batch normalisations after each epoch, and the epoch's figures.

    `epochs` (0 is before training), `logs` a dict an epoch, `weights` {parameter's name: [array an epoch]}. All else
    (dense layers) would be too large to keep; `convnet.explain.lesson(..., recorder=...)` plays it.
    """

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.logs: list[Logs] = []
        self.weights: dict[str, list[np.ndarray]] = {}

    def on_train_begin(self) -> None:
        self.epochs, self.logs, self.weights = [], [], {}
        self._keep(0, {})

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._keep(epoch + 1, logs)

    def _keep(self, epoch: int, logs: Logs) -> None:
        from convnet.layers import BatchNormalization, Conv2D

        self.epochs.append(epoch)
        self.logs.append({name: float(value) for name, value in logs.items()})
        layers = self.model.training_graph().layers
        kept = [layer for layer in layers if isinstance(layer, (Conv2D, BatchNormalization))]
        for parameter in (p for layer in kept for p in layer.parameters):
            self.weights.setdefault(parameter.name, []).append(parameter.value.copy())

    def save(self, filepath: str | Path) -> None:
        """Write the record to one .safetensors file, whole or not at all."""
        from safetensors.numpy import save

        from convnet.output.atomic import write_atomically

        tensors = {name: np.stack(arrays) for name, arrays in self.weights.items()}
        facts = {"format": RECORD, "epochs": self.epochs, "logs": self.logs}
        write_atomically(Path(filepath), save(tensors, {"convnet": json.dumps(facts)}))

    @classmethod
    def load(cls, filepath: str | Path) -> Recorder:
        """A record as it was saved; ValueError with the reason for any other file."""
        from safetensors import SafetensorError, safe_open

        path, record = Path(filepath), cls()
        if not path.is_file():
            raise ValueError(f"{path}: no such record of a training")
        try:
            with safe_open(path, framework="numpy") as file:
                facts = json.loads((file.metadata() or {}).get("convnet", "null"))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
            if facts["format"] != RECORD or {len(t) for t in tensors.values()} - {len(facts["epochs"])}:
                raise ValueError("other content")
            record.epochs, record.logs = facts["epochs"], facts["logs"]
        except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError):
            raise ValueError(f"{path}: not a record of a training: `convnet train --record FILE` makes one") from None
        record.weights = {name: list(t) for name, t in tensors.items()}
        return record


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
