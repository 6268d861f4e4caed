"""Callbacks that keep what a training did: metrics, in memory and as a table, and parameters."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from convnet.callbacks.base import Callback, Logs
from convnet.output.spreadsheet import lines

RECORD = "formula-convnet record 1"


class History(Callback):
    """What `fit` returns: `history`, a list for each metric, and `epoch`, the epochs' numbers."""

    kept: ClassVar[tuple[str, ...]] = ("epoch", "history")

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}
        self.interrupted = False  # by Ctrl-C, or by a signal that ends a command

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keep the epoch's metrics."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def _repr_html_(self) -> str:
        from convnet.terms.display import history_table

        return history_table(self.epoch, self.history)._repr_html_()


class Recorder(Callback):
    """Keeps the weights of the convolutions and batch normalisations after each epoch, and the epoch's metrics.

    `epochs` (0 is before training), `logs` a dict an epoch, `weights` {parameter's name: [array an epoch]}. All else
    (dense layers) would be too large to keep; `convnet.explain.lesson(..., recorder=...)` plays it.
    """

    kept: ClassVar[tuple[str, ...]] = ("epochs", "logs", "weights")

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.logs: list[Logs] = []
        self.weights: dict[str, list[np.ndarray]] = {}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start anew."""
        self.epochs, self.logs, self.weights = [], [], {}
        self._keep(0, {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keep the epoch's metrics."""
        self._keep(epoch + 1, logs or {})

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
        # JSON has no NaN: what is no number is null there
        logs = [{name: value if np.isfinite(value) else None for name, value in epoch.items()} for epoch in self.logs]
        facts = {"format": RECORD, "epochs": self.epochs, "logs": logs}
        write_atomically(Path(filepath), save(tensors, {"convnet": json.dumps(facts, allow_nan=False)}))

    @classmethod
    def load(cls, filepath: str | Path) -> Recorder:
        """Read a record as it was saved; ValueError with the reason for any other file."""
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
            record.epochs = facts["epochs"]
            record.logs = [
                {name: float("nan") if value is None else value for name, value in epoch.items()}
                for epoch in facts["logs"]
            ]
        except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise ValueError(f"{path}: not a record of a training: `convnet train --record FILE` makes one") from None
        record.weights = {name: list(t) for name, t in tensors.items()}
        return record


class CSVLogger(Callback):
    """Write a table of the metrics, a line an epoch; NA where an epoch has no value, as without validation."""

    writes_files: ClassVar[bool] = True

    def __init__(self, filename: str | Path, separator: str = ",", append: bool = False) -> None:
        self.filename, self.separator, self.append = Path(filename), separator, append

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start anew, or go on with the columns of the file."""
        self.columns: list[str] | None = None
        if self.append and self.filename.exists() and self.filename.stat().st_size:
            with self.filename.open(newline="", encoding="utf-8") as file:
                self.columns = next(csv.reader(file, delimiter=self.separator))[1:]
        elif not self.append:
            self.filename.write_text("", encoding="utf-8")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keep the epoch's metrics."""
        logs, rows = logs or {}, []
        if self.columns is None:
            self.columns = self._choose_columns(list(logs))
            rows = [["epoch", *self.columns]]
        with self.filename.open("a", newline="", encoding="utf-8") as file:
            file.write(lines([*rows, [epoch, *(logs.get(name, "NA") for name in self.columns)]], self.separator))

    def state_dict(self) -> dict[str, Any]:
        """Return the columns, and the whole table so far."""
        return {"columns": self.columns, "table": self.filename.read_bytes().decode()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Write the table as it was: without the lines of epochs that are trained again."""
        self.columns = state["columns"]
        self.filename.write_bytes(state["table"].encode())

    def _choose_columns(self, names: list[str]) -> list[str]:
        """Return the columns for the metrics of the first epoch, which `validation_freq` may leave unvalidated."""
        validated = getattr(self, "params", {}).get("validated") and not any(n.startswith("val_") for n in names)
        return [*names, *(f"val_{name}" for name in names)] if validated else names
