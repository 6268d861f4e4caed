"""evaluate: the loop, with Keras's arguments and meanings."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.callbacks import Callback, CallbackList
from convnet.engine.batches import WHOLE, Batches
from convnet.feeding import Stream, is_source
from convnet.metrics import reported_names
from convnet.output.progress import Progress, tell_of_compilation
from convnet.predicting import Logs, Predictor, list_callbacks
from convnet.tally import Tally
from convnet.utils import list_arguments, refuse, unpack_x_y_sample_weight

if TYPE_CHECKING:
    from convnet.losses import Loss, Objective
    from convnet.metrics import Metric
    from convnet.optimizers import Optimizer


class Run(threading.local):
    """What each thread measures now."""

    tally: Tally | None = None


class Measurer(Predictor):
    """The part of Model that evaluates. A subclass may override Keras's `test_step`, which gets a batch."""

    loss: Loss | Objective | None = None
    optimizer: Optimizer | None = None
    target: str = "cpu"
    compiled_metrics: list[Any] = []  # noqa: RUF012  (replaced, never changed)
    weighted_metrics: list[Any] = []  # noqa: RUF012
    _runs: Run

    @property
    def _tally(self) -> Tally | None:
        return self._runs.tally

    @_tally.setter
    def _tally(self, tally: Tally | None) -> None:
        self._runs.tally = tally

    def require_compiled(self, what: str) -> tuple[Loss | Objective, Optimizer]:
        """Return the loss and the optimizer; RuntimeError if the model was not compiled."""
        if self.loss is None or self.optimizer is None:
            raise RuntimeError(
                f"{what}: compile the model first: model.compile(optimizer='adam', loss=..., metrics=[...])"
            )
        return self.loss, self.optimizer

    def feed(self, where: str, x: Any, given: dict[str, Any], class_weight: Any, limit: tuple[str, Any]) -> Any:
        """Return the data as Batches, or as a Stream for what yields batches itself.

        where         of what function, for errors
        x             arrays, or what yields batches
        given         the arguments that go with arrays: y, batch_size, sample_weight, ...
        class_weight  as `fit` takes it
        limit         the name and value of the argument that goes with a stream: how many batches
        """
        name, steps = limit
        if is_source(x):
            wrong = [key for key, value in given.items() if not (value is None or (np.isscalar(value) and value == 0))]
            if wrong:
                raise ValueError(f"{where}: x yields batches, so {wrong[0]} belongs into them: leave it out")
            return Stream(self, x, class_weight, steps, where)
        if steps is not None:
            raise ValueError(f"{where}: {name} is for generators and loaders; of arrays every batch is used")
        more = given.get("y"), given.get("sample_weight"), class_weight, given.get("batch_size")
        return Batches(self, x, *more, where)

    def _start_tally(self, data: Batches | Stream) -> Tally:
        self._tally = Tally(data, self.compiled_metrics, self.weighted_metrics)
        return self._tally

    def _one_batch(self, data: Any, where: str) -> tuple[Batches, slice]:
        x, y, weight = unpack_x_y_sample_weight(data)
        batch = Batches(self, x, y, weight, None, WHOLE, where)
        if self._tally is None:
            self._start_tally(batch)
        return batch, slice(0, batch.count)

    def _measure(self, data: Batches | Stream, calls: CallbackList) -> Logs:
        coming = data.parts()
        if coming is None:
            raise ValueError(f"{data.where}: the data ran out: give what can be gone through again, or fewer steps")
        with closing(coming):
            return self._measure_parts(data, coming, calls)

    def _measure_parts(self, data: Batches | Stream, coming: Any, calls: CallbackList) -> Logs:
        kept, tally = self._tally, self._start_tally(data)
        calls.call("on_test_begin")
        own, logs = type(self).test_step is not Measurer.test_step, {}
        for number, part in enumerate(coming):
            calls.call("on_test_batch_begin", number)
            if own:
                logs = dict(self.test_step(data.arrays(part)) or {})
            else:
                self._test(data, part)
            calls.call("on_test_batch_end", number, logs=logs if own else tally.logs)
        logs = logs if own else tally.logs()
        calls.call("on_test_end", logs=logs)
        self._tally = kept or tally
        return logs

    def _test(self, data: Batches | Stream, part: Any) -> None:
        assert self._tally is not None
        self._tally.add(data.measure(part), data.weights_of(part))

    def test_step(self, data: Any) -> Logs:
        """Measure one batch, (x, y) or (x, y, sample_weight), and return the metrics so far."""
        batch, all_of_it = self._one_batch(data, "test_step")
        self._test(batch, all_of_it)
        assert self._tally is not None
        return self._tally.logs()

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: list[Callback] | None = None,
        return_dict: bool = False,
        **unknown: Any,
    ) -> Any:
        """Return the loss, or [loss, *metrics], or a dict of them, on given data; the parameters stay as they are.

        x may yield batches, as in `fit`; `steps` is how many of them.
        """
        refuse("evaluate", unknown, list_arguments(Measurer.evaluate))
        self.require_compiled("evaluate")
        progress = Progress(verbose, 1, 0)
        with tell_of_compilation(progress.loud):
            given_data = {"y": y, "batch_size": batch_size, "sample_weight": sample_weight}
            data = self.feed("evaluate", x, given_data, None, ("steps", steps))
            given = list_callbacks("evaluate", callbacks)
            logs = self._measure(data, CallbackList(given, self, verbose=verbose, epochs=1, steps=data.steps))
        if progress.loud:
            print(" - ".join(f"{name} {value:.4f}" for name, value in logs.items()), flush=True)
        return logs if return_dict else plain(logs)

    def test_on_batch(self, x: Any, y: Any, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return the loss and metrics of one batch."""
        return self.evaluate(x, y, WHOLE, 0, sample_weight, return_dict=return_dict)

    # --- metrics

    @property
    def metrics(self) -> list[Metric]:
        """The metrics of the last run, with what they have gathered; empty before the first."""
        return [] if self._tally is None else self._tally.metrics

    @property
    def metrics_names(self) -> list[str]:
        """The names under which `fit` reports the loss and the metrics."""
        losses = ["loss"] if self.loss is None else self.loss.value_names
        return [*losses, *reported_names(self.compiled_metrics, self.weighted_metrics)]

    def get_metrics_result(self) -> Logs:
        """Return the loss and the metrics of the run so far."""
        return {} if self._tally is None else self._tally.logs()

    def reset_metrics(self) -> None:
        """Forget what the metrics have gathered."""
        self._tally = None


def plain(logs: Logs) -> Any:
    """Return a loss alone as a number, a loss and metrics as a list."""
    return next(iter(logs.values())) if len(logs) == 1 else list(logs.values())
