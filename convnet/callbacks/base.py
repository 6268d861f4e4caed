"""What every callback has: Keras's hooks. And the one that calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

Logs = dict[str, Any]  # metrics by name; of predict, its outputs


class Callback:
    """Override what you need; `self.model` is the model, `self.params` has "epochs", "steps" and "verbose".

    on_batch_begin and on_batch_end are other names of on_train_batch_begin and on_train_batch_end.
    BackupAndRestore keeps the attributes named in `kept` (numbers, text, arrays, lists and dicts of them) and every
    NumPy Generator that is an attribute; a callback that has more to keep overrides `state_dict` and `load_state_dict`.
    """

    kept: ClassVar[tuple[str, ...]] = ()
    writes_files: ClassVar[bool] = False  # True: of several processes that train together, the first one's is enough

    model: Any  # a Model; any, since a callback may use all of it
    params: dict[str, Any]

    def set_model(self, model: Any) -> None:
        """Take the model that is trained."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Take the settings of the training."""
        self.params = params

    def state_dict(self) -> dict[str, Any]:
        """Return what a backup keeps of this callback."""
        return {name: getattr(self, name) for name in self.kept if hasattr(self, name)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a backup, after `on_train_begin`."""
        for name in self.kept:
            if name in state:
                setattr(self, name, state[name])

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Run before the first epoch of `fit`."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Run after the last epoch of `fit`; `logs` are that epoch's."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Run before an epoch; the first is 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Run after an epoch and its validation; `logs` are the metrics, which a callback may add to."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch of `fit`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch of `fit`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch of `fit`."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch of `fit`; `logs` are the metrics of the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Run before `evaluate`, or before the validation in `fit`."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Run after `evaluate`, or after the validation in `fit`."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch of `evaluate`."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch of `evaluate`; `logs` are the metrics so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Run before `predict`."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Run after `predict`."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch of `predict`; `logs["outputs"]` are its outputs."""


_ALSO = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class CallbackList:
    """The callbacks of one `fit`, `evaluate` or `predict`, in order.

    A hook that no callback overrides costs nothing: its metrics are not even computed.
    """

    def __init__(self, callbacks: Iterable[Callback], model: Any, **params: Any) -> None:
        self.callbacks = list(callbacks)
        for c in self.callbacks:
            c.set_model(model)
            c.set_params(params)
        self._first = writes(model)
        self._listening: dict[str, list[Callback]] = {}

    def call(self, hook: str, *arguments: Any, logs: Logs | Callable[[], Logs] | None = None) -> None:
        """Call a hook of every callback that has it, with its arguments and `logs` (or what `logs()` returns).

        Without any it gets an empty dict, as in Keras, so that a hook may look into it.
        """
        if hook not in self._listening:
            mine = [c for c in self.callbacks if self._first or not c.writes_files]
            self._listening[hook] = [c for c in mine if _overrides(c, hook)]
        listening = self._listening[hook]
        if listening:
            given = logs() if callable(logs) else {} if logs is None else logs
            for c in listening:
                getattr(c, hook)(*arguments, given)


def writes(model: Any) -> bool:
    """Return True unless a model is trained by several processes, and this is not the first."""
    shards = getattr(model, "distribute", None)
    return shards is None or shards.rank == 0


def _overrides(callback: Callback, hook: str) -> bool:
    """Return True if a callback does something at this hook: by a method, or by a function kept as an attribute."""
    names = (hook, _ALSO[hook]) if hook in _ALSO else (hook,)
    return any(getattr(getattr(callback, n), "__func__", None) is not getattr(Callback, n) for n in names)
