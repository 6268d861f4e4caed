"""How `fit` keeps its state and goes on from it: what BackupAndRestore asks for, at the places of the loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convnet import signals
from convnet.callbacks import BackupAndRestore, BackupError, CallbackList
from convnet.callbacks.base import writes
from convnet.resuming import state
from convnet.resuming.facts import describe

if TYPE_CHECKING:
    from convnet.engine.batches import Batches
    from convnet.feeding import Stream
    from convnet.tally import Best, Tally

_DAMAGE = (ValueError, TypeError, AttributeError, LookupError)


@dataclass
class Place:
    """How far a training is: the epoch, the batches of it that are done, the last metrics, and if no epoch follows.

    `told` says where it came from.
    """

    epoch: int
    batches: int = 0
    logs: Any = None
    ended: bool = False
    told: str = ""


class Resumption:
    """The backups of one `fit`; without a BackupAndRestore among its callbacks nothing happens here.

    As a context it holds SIGTERM and SIGHUP back until a step is done and a backup is made.
    """

    def __init__(self, model: Any, data: Batches | Stream, calls: CallbackList, best: Best) -> None:
        found = [c for c in calls.callbacks if isinstance(c, BackupAndRestore)]
        if len(found) > 1:
            raise ValueError(f"fit: give one BackupAndRestore, got {len(found)}")
        self.backup = found[0] if found else None
        self.model, self.data, self.best = model, data, best
        self.others = [c for c in calls.callbacks if c is not self.backup]
        self._facts: dict[str, Any] = {}
        self._found: Any = None  # a state that is not put back yet
        self._held = signals.Held()

    def __enter__(self) -> Resumption:
        if self.backup is not None:
            self._held.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._held.__exit__(*error)

    def begin(self, initial_epoch: int, held: Batches | Stream | None, **arguments: Any) -> Place:
        """Return where to begin: where the backup was made, if there is one. To be called after `on_train_begin`."""
        if self.backup is None:
            return Place(initial_epoch)
        named = ", ".join(type(c).__name__ for c in self.others)
        more = {**self.backup.facts, **arguments, "initial_epoch": initial_epoch, "the callbacks": named}
        self._facts = describe(self.model, self.data, held, **more)
        self._found = self.backup.read(self._facts)
        if self._found is None:
            return Place(initial_epoch)
        with _naming(self.backup):
            epoch, batches, logs, ended = self._found["place"]
            where = f"after batch {batches} of epoch {epoch + 1}" if batches else f"after epoch {epoch}"
            place = Place(epoch, batches, logs, ended, f"Going on from {self.backup.file}, {where}.")
            self.model.shuffled = self._found["shuffled"]
            if not place.batches:
                self._put_back(None)
        return place

    def enter_epoch(self, tally: Tally) -> None:
        """Put back what was kept in the middle of this epoch. To be called after `on_epoch_begin`."""
        if self._found is not None and self.backup is not None:
            with _naming(self.backup):
                self._put_back(tally)

    def after_batch(self, place: Place, tally: Tally) -> None:
        """Make a backup if it is due, or if a signal waits that ends the training, which it then does."""
        if self.backup is not None and (self.backup.is_due(False) or self._held.waiting):
            self._keep(place, tally)

    def after_epoch(self, place: Place) -> None:
        """Likewise, after all callbacks; `place` is the next epoch's beginning."""
        if self.backup is not None and (self.backup.is_due(True) or self._held.waiting):
            self._keep(place, None)

    def finish(self, interrupted: bool) -> None:
        """Remove the backup of a training that is done, unless it is to be kept."""
        if self.backup is not None and self.backup.delete_checkpoint and not interrupted and writes(self.model):
            self.backup.remove()

    def _keep(self, place: Place, tally: Tally | None) -> None:
        assert self.backup is not None
        if writes(self.model):
            self.backup.write(self._facts, self._gather(place, tally))
        self._held.deliver()

    def _gather(self, place: Place, tally: Tally | None) -> dict[str, Any]:
        best = self.best
        return {
            "place": [place.epoch, place.batches, place.logs, place.ended],
            "stop": self.model.stop_training,
            "shuffled": self.model.shuffled,
            "model": state.of_model(self.model),
            "data": state.of_object(getattr(self.data, "x", None)),
            "callbacks": [state.of_object(c) for c in self.others],
            "best": [best.value, best.epoch, best.weights],
            "tally": None if tally is None else [tally.images, tally.loss, *map(state.of_metric, tally.metrics)],
        }

    def _put_back(self, tally: Tally | None) -> None:
        found, self._found = self._found, None
        self.model.stop_training = found["stop"]
        state.put_into_model(self.model, found["model"])
        state.put_into_object(getattr(self.data, "x", None), found["data"])
        for callback, kept in zip(self.others, found["callbacks"], strict=True):
            state.put_into_object(callback, kept)
        self.best.value, self.best.epoch, self.best.weights = found["best"]
        if tally is not None:
            tally.images, tally.loss, *metrics = found["tally"]
            for metric, kept in zip(tally.metrics, metrics, strict=True):
                state.put_into_metric(metric, kept)


class _naming:
    """Turn what goes wrong with a state that fits nothing into a BackupError that names the file."""

    def __init__(self, backup: BackupAndRestore) -> None:
        self.file = backup.file

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, _DAMAGE):
            raise BackupError(
                f"{self.file}: the backup does not fit this training: {error}. Remove it to start from the beginning"
            ) from None
