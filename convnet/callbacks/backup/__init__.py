"""Backups of a training in progress: `fit` goes on from the last one after whatever ended it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from convnet.callbacks.backup import file
from convnet.callbacks.backup.file import BackupError
from convnet.callbacks.base import Callback, Logs
from convnet.utils import check_flag, list_arguments, refuse
from kernels import checks

__all__ = ["BackupAndRestore", "BackupError"]
_OFF = {"double_checkpoint": False}  # of Keras: a backup here replaces the last one only when it is complete


class BackupAndRestore(Callback):
    """Keep a backup of the training in a folder; a `fit` that was cut off goes on from it when it is called again.

    backup_dir         the folder, made if it is missing; the backup is one file in it, replaced whole or not at all
    save_freq          "epoch", or the number of batches between backups
    delete_checkpoint  remove the backup when `fit` is done; one that was interrupted keeps it

    Whatever ended the training, the model ends with the same bits as if nothing had: the backup holds parameters,
    optimizer, random streams, history, the place in the epoch, and the state of every callback (`Callback.kept`).
    While it is in use, SIGTERM and SIGHUP wait for the end of the step, and a backup is made before they act.
    A backup of another model, other data or other arguments raises BackupError, a ValueError, that names what changed.
    """

    def __init__(
        self,
        backup_dir: str | Path,
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
        **unknown: Any,
    ) -> None:
        more = {"double_checkpoint": double_checkpoint, **unknown}
        refuse("BackupAndRestore", more, list_arguments(BackupAndRestore.__init__, tuple(_OFF)), _OFF)
        if not str(backup_dir):
            raise ValueError("BackupAndRestore: backup_dir must name a folder, got ''")
        self.backup_dir = Path(backup_dir)
        self.save_freq = save_freq
        if save_freq != "epoch":
            self.save_freq = checks.integer("BackupAndRestore", "save_freq", save_freq)
        self.delete_checkpoint = check_flag("BackupAndRestore", "delete_checkpoint", delete_checkpoint)
        self.facts: dict[str, Any] = {}  # what else must be the same when training goes on
        self._since = 0  # batches, since the last backup

    @property
    def file(self) -> Path:
        """The backup."""
        return self.backup_dir / "training.safetensors"

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Make the folder."""
        self._since = 0
        self.backup_dir.mkdir(parents=True, exist_ok=True)

    def is_due(self, epoch_ended: bool) -> bool:
        """Return True if a backup is to be made after this batch, or after this epoch."""
        if self.save_freq == "epoch" or epoch_ended:
            return epoch_ended and self.save_freq == "epoch"
        self._since += 1
        return self._since >= self.save_freq

    def write(self, facts: dict[str, Any], state: Any) -> None:
        """Replace the backup."""
        self._since = 0
        file.write(self.file, facts, state)

    def read(self, facts: dict[str, Any]) -> Any:
        """Return the state of the backup, None without one; BackupError if it is damaged or of another training."""
        if not self.file.exists():
            return None
        found, state = file.read(self.file)
        file.check_same(self.file, found, facts)
        return state

    def remove(self) -> None:
        """Remove the backup, and its folder if nothing else is in it."""
        self.file.unlink(missing_ok=True)
        with suppress(OSError):
            self.backup_dir.rmdir()
