"""Callbacks that watch a metric: to stop, to save, to lower the learning rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from convnet import metrics
from convnet.callbacks.base import Callback, Logs
from convnet.output.formats import check_writable
from convnet.utils import check_flag, list_arguments, refuse


class _Monitor(Callback):
    """Knows when the watched metric is the best so far."""

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"{type(self).__name__}: mode must be 'auto', 'min' or 'max', got {mode!r}")
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(min_delta)
        self.sign = 1.0 if mode == "max" else -1.0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Find out in which direction the watched metric improves."""
        if self.mode == "auto":
            self.sign = self._direction()

    def _direction(self) -> float:
        """Return 1 if larger is better, -1 if smaller is; ValueError if the model's metrics do not say."""
        name = self.monitor.removeprefix("val_")
        given = self.model.compiled_metrics, self.model.weighted_metrics
        found = "down" if name in self.model.loss.value_names else metrics.direction(name, *given)
        if found is None:
            there = ", ".join(["loss", *metrics.reported_names(*given)])
            raise ValueError(
                f"{type(self).__name__}: cannot tell whether {self.monitor!r} should become larger or smaller: the "
                f"model was compiled with {there}. Give mode='max' or mode='min'"
            )
        return 1.0 if found == "up" else -1.0

    def better(self, value: float, best: float | None) -> bool:
        """Return True if `value` is better than `best` by more than min_delta; NaN never is."""
        if np.isnan(value):
            return False
        return best is None or self.sign * (value - best) > self.min_delta

    def watched(self, logs: Logs) -> Any:
        """Return the watched metric; None in an epoch whose validation `validation_freq` leaves out."""
        if self.monitor in logs:
            return logs[self.monitor]
        if self.monitor.startswith("val_") and self.params.get("validated", False):
            return None
        raise ValueError(
            f"{type(self).__name__}: there is no metric {self.monitor!r} to watch; there is {', '.join(logs)}"
            + (": give fit validation_data" if self.monitor.startswith("val_") else "")
        )


class EarlyStopping(_Monitor):
    """Stop when the watched metric has not improved for `patience` epochs; restore the best weights if asked."""

    kept: ClassVar[tuple[str, ...]] = ("best", "best_epoch", "stopped_epoch", "wait", "best_weights")

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

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier training."""
        super().on_train_begin(logs)
        self.best: float | None = None
        self.best_epoch, self.stopped_epoch, self.wait = 0, 0, 0
        self.best_weights: list[np.ndarray] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Count the epochs since the best one."""
        value = self.watched(logs or {})
        if value is None or epoch < self.start_from_epoch:
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

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restore the best weights."""
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ModelCheckpoint(_Monitor):
    """Save the model after each epoch, or only when the watched metric improved.

    `filepath` may hold metrics: "model-{epoch:02d}-{val_loss:.3f}.safetensors". Its folder is made.
    With save_weights_only=True the parameters alone, as Keras's file, whose name ends in .weights.h5.
    """

    writes_files: ClassVar[bool] = True

    kept: ClassVar[tuple[str, ...]] = ("best",)

    def __init__(
        self,
        filepath: str | Path,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str = "epoch",
        initial_value_threshold: float | None = None,
        **unknown: Any,
    ) -> None:
        off = {"save_freq": "epoch"}
        more = {"save_freq": save_freq, **unknown}
        refuse("ModelCheckpoint", more, list_arguments(ModelCheckpoint.__init__, tuple(off)), off)
        super().__init__(monitor, mode)
        self.save_weights_only = check_flag("ModelCheckpoint", "save_weights_only", save_weights_only)
        if not save_weights_only:
            check_writable(filepath)
        elif not str(filepath).endswith(".weights.h5"):
            raise ValueError(
                f"ModelCheckpoint: filepath must end in .weights.h5 with save_weights_only=True, got {str(filepath)!r}"
            )
        self.filepath, self.verbose, self.save_best_only = str(filepath), verbose, save_best_only
        self.best = initial_value_threshold

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Find out in which direction the watched metric improves, if only the best is saved."""
        if self.save_best_only:
            super().on_train_begin(logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save the model, or leave the better one that is there."""
        logs = logs or {}
        if self.save_best_only:
            value = self.watched(logs)
            if value is None or not self.better(value, self.best):
                return
            self.best = value
        path = Path(self.filepath.format(epoch=epoch + 1, **logs))
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            print(f"Epoch {epoch + 1}: saved to {path}")


class ReduceLROnPlateau(_Monitor):
    """Multiply the learning rate by `factor` when the watched metric has not improved for `patience` epochs.

    After a reduction nothing is counted for `cooldown` epochs; the rate never falls below `min_lr`.
    """

    kept: ClassVar[tuple[str, ...]] = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **unknown: Any,
    ) -> None:
        refuse("ReduceLROnPlateau", unknown, list_arguments(ReduceLROnPlateau.__init__))
        super().__init__(monitor, mode, min_delta)
        if not 0 <= factor < 1:
            raise ValueError(f"ReduceLROnPlateau: factor must be in [0, 1), got {factor!r}")
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier training."""
        super().on_train_begin(logs)
        self.best: float | None = None
        self.wait = self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Count the epochs since the best one, and lower the rate when they are `patience`."""
        value = self.watched(logs or {})
        optimizer = self.model.optimizer
        assert optimizer is not None
        if logs is not None:
            logs["learning_rate"] = optimizer.learning_rate
        if value is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.wait = self.cooldown_counter - 1, 0
        if self.better(value, self.best):
            self.best, self.wait = value, 0
        elif self.cooldown_counter <= 0:
            self.wait += 1
            if self.wait >= self.patience and optimizer.learning_rate > self.min_lr:
                optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    print(f"Epoch {epoch + 1}: the learning rate is now {optimizer.learning_rate:g}.")


class TerminateOnNaN(Callback):
    """Stop when the loss of a batch is not a finite number; with raise_error=True by a RuntimeError."""

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = check_flag("TerminateOnNaN", "raise_error", raise_error)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the loss."""
        if logs is not None and not np.isfinite(logs["loss"]):
            if self.raise_error:
                raise RuntimeError(f"TerminateOnNaN: the loss of batch {batch} is {logs['loss']}")
            print(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True
