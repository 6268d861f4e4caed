"""predict: the loop, with Keras's arguments and meanings."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.callbacks import Callback, CallbackList
from convnet.feeding import Stream, is_source
from convnet.nested.several import Several, empty, joined, parts, rows, sample_shape
from convnet.nested.structure import leaves
from convnet.output.progress import tell_of_compilation
from convnet.utils import list_arguments, refuse, unpack_x_y_sample_weight
from kernels import checks

Logs = dict[str, float]


class Predictor:
    """The part of Model that predicts. A subclass may override Keras's `predict_step`, which gets a batch."""

    name: str
    stop_training: bool

    if TYPE_CHECKING:

        def run(self, x: Any, training: bool = ...) -> Any:
            """Return the output for a checked batch."""

        def structured_input(self, x: Any) -> Any:
            """Return a checked batch as the user gives it."""

        def structured_output(self, x: Any, y: Any) -> Any:
            """Return several outputs for a checked batch as the model gives them."""

        def graph(self, shape: tuple[int, ...], training: bool = ...) -> Any:
            """Return the recorded layer calls."""

        def get_weights(self) -> list[np.ndarray]:
            """Return copies of all parameters."""

        def set_weights(self, weights: list[np.ndarray]) -> None:
            """Overwrite all parameters."""

        def check_batch(self, x: Any) -> Any:
            """Return a batch of samples, checked."""

    def predict_step(self, data: Any) -> Any:
        """Return the outputs for one batch of samples."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)  # type: ignore[operator]

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = 0,
        steps: int | None = None,
        callbacks: list[Callback] | None = None,
        **unknown: Any,
    ) -> Any:
        """Return the outputs for all samples, computed batch by batch, in the structure of the model's outputs.

        x may yield batches, of which targets are left out; `steps` is how many of them.
        """
        refuse("predict", unknown, list_arguments(Predictor.predict))
        if is_source(x):
            return self._predict_stream(x, batch_size, steps, list_callbacks("predict", callbacks))
        if steps is not None:
            raise ValueError("predict: steps is for generators and loaders; of arrays every batch is used")
        x = self.check_batch(x)
        size = 32 if batch_size is None else checks.integer("predict", "batch_size", batch_size)
        calls = CallbackList(
            list_callbacks("predict", callbacks), self, verbose=verbose, epochs=1, steps=-(-len(x) // size)
        )
        calls.call("on_predict_begin")
        with tell_of_compilation(verbose not in (0, "auto")):
            outputs = self._outputs(x, size, calls)
        calls.call("on_predict_end")
        return outputs if isinstance(outputs, np.ndarray) else self.structured_output(x, outputs)

    def _predict_stream(self, x: Any, batch_size: Any, steps: Any, callbacks: list[Callback]) -> Any:
        """Return the outputs for all batches that x yields."""
        if batch_size is not None:
            raise ValueError("predict: x yields batches, so batch_size is theirs: leave it out")
        stream = Stream(self, x, None, steps, "predict")
        calls = CallbackList(callbacks, self, verbose=0, epochs=1, steps=stream.steps)
        outputs: list[list[np.ndarray]] = []
        some: Any = None
        calls.call("on_predict_begin")
        with closing(stream.raw()) as raw:
            for number, batch in enumerate(raw):
                calls.call("on_predict_batch_begin", number)
                some = self.check_batch(self._samples_of(batch))
                own = type(self).predict_step is not Predictor.predict_step
                y = self._own_outputs(some) if own else self.run(some)
                calls.call("on_predict_batch_end", number, logs=partial(self._shown, some, y))
                outputs.append(list(parts(y)))
        calls.call("on_predict_end")
        if not outputs:
            raise ValueError("predict: the data have no batches")
        found = [np.concatenate(arrays) for arrays in zip(*outputs, strict=True)]
        return found[0] if isinstance(y, np.ndarray) else self.structured_output(some, Several(found))

    def _samples_of(self, batch: Any) -> Any:
        """Return x of a batch that may have targets: a tuple has, a list is x itself of a model with several inputs."""
        takes = getattr(self, "takes", None)
        several = takes is not None and not takes.bare
        return batch[0] if isinstance(batch, tuple) or (isinstance(batch, list) and not several) else batch

    def _outputs(self, x: Any, size: int, calls: CallbackList) -> Any:
        own = type(self).predict_step is not Predictor.predict_step
        outputs: Any = None
        for number, start in enumerate(range(0, len(x), size)):
            calls.call("on_predict_batch_begin", number)
            some = rows(x, slice(start, start + size))
            y = self._own_outputs(some) if own else self.run(some)
            calls.call("on_predict_batch_end", number, logs=partial(self._shown, x, y))
            if len(y) == len(x):
                return y
            if outputs is None:
                outputs = empty(y, len(x))
            outputs[start : start + size] = y
        if outputs is not None:
            return outputs
        graph = self.graph(sample_shape(x.shape))
        return joined((np.empty((0, *n.sample_shape), graph.dtype) for n in graph.outputs), graph.gives.bare)

    def _own_outputs(self, some: Any) -> Any:
        """Return the outputs of a user's own `predict_step`."""
        found = [np.asarray(y) for y in leaves(self.predict_step(self.structured_input(some)))]
        return found[0] if len(found) == 1 else Several(found)

    def _shown(self, x: Any, y: Any) -> Logs:
        """Return what on_predict_batch_end gets."""
        return {"outputs": y if isinstance(y, np.ndarray) else self.structured_output(x, y)}  # type: ignore[dict-item]

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch."""
        return self.predict_step(x)


def list_callbacks(where: str, given: Any) -> list[Callback]:
    """Return callbacks as a list; a single one is a list of one."""
    callbacks = [given] if isinstance(given, Callback) else list(given or [])
    if not all(isinstance(c, Callback) for c in callbacks):
        raise TypeError(f"{where}: callbacks must be Callback objects, got {given!r}")
    return callbacks
