"""compile and fit: the training loop, with Keras's arguments and meanings."""

from __future__ import annotations

import time
import warnings
from collections.abc import Container, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet import losses, optimizers
from convnet.callbacks import Callback, CallbackList, History
from convnet.engine.batches import WHOLE, Batches, split_validation, three
from convnet.feeding import Stream, is_source
from convnet.losses import Loss, Objective
from convnet.measuring import Logs, Measurer, list_callbacks, plain
from convnet.metrics import check as check_metric
from convnet.metrics import per_output
from convnet.nested.structure import Structure
from convnet.output.progress import Progress, tell_of_compilation
from convnet.tally import Best
from convnet.utils import list_arguments, next_seed, refuse
from kernels import checks, targets

if TYPE_CHECKING:
    from convnet.engine.arena import Arena
    from convnet.engine.device_arena import DeviceArena
    from convnet.engine.lending import Lending
    from convnet.engine.plan import Plan

# what Keras's compile has besides, with values that mean what is done here anyway
_AS_COMPILED = {"jit_compile": "auto", "run_eagerly": False, "steps_per_execution": 1, "auto_scale_loss": True}
# what Keras lets a subclass replace, and an engine whose gradients are kernels cannot
_FIXED = {
    "compute_loss": "the gradient comes from the loss's kernel: give compile a loss of convnet.losses",
    "compute_metrics": "give compile metrics, of your own if need be: subclass convnet.metrics.Metric",
    "make_train_function": "override train_step",
    "make_test_function": "override test_step",
    "make_predict_function": "override predict_step",
}


@dataclass(frozen=True)
class _Asked:
    """What `compile` was given."""

    loss: Any
    loss_weights: Any
    metrics: Any
    weighted_metrics: Any

    @property
    def is_structured(self) -> bool:
        """True if it says which output it is for."""
        given = (self.loss, self.loss_weights, self.metrics, self.weighted_metrics)
        nested = isinstance(self.loss, (list, tuple)) or any(isinstance(m, (list, tuple)) for m in self.metrics or ())
        return nested or self.loss_weights is not None or any(isinstance(g, dict) for g in given)

    def settle(self, gives: Structure) -> tuple[Loss | Objective, list[Any], list[Any]]:
        """Return losses, metrics and weighted metrics for a model that gives these outputs."""
        found = losses.choose(losses.get, self.loss, self.loss_weights, gives)
        for loss, _ in found.of_outputs:
            if loss is not None and loss.reduction in (None, "none"):
                raise ValueError(
                    f"compile: {loss.name} with reduction=None gives one number a sample, and training needs one: use "
                    "'sum_over_batch_size' or 'sum'"
                )
        plain = [check_metric(m) for m in per_output("metrics", self.metrics, gives)]
        return found, plain, [check_metric(m) for m in per_output("weighted_metrics", self.weighted_metrics, gives)]


class Trainer(Measurer):
    """The part of Model that trains. A subclass may override Keras's `train_step`, which gets a batch."""

    _arena: Arena | DeviceArena | None
    plans: Lending
    history: History | None = None
    shuffled: tuple[int, int] | None = None  # where the order of batches began: a seed, and which epoch
    known_outputs: Structure | None = None  # of a connected model
    _asked: _Asked | None = None  # of compile
    _settled_for: Structure | None = None  # the outputs that `loss` and the metrics were chosen for

    if TYPE_CHECKING:

        def forget_plans(self) -> None:
            """Drop all plans and their buffers."""

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        *,
        loss_weights: Any = None,
        target: str = "cpu",
        **unknown: Any,
    ) -> None:
        """Choose optimizer, loss and metrics, and where the kernels run.

        target="cpu"; "cuda", an NVIDIA GPU; or "cuda-emulated", which executes the GPU's compiled kernels on the CPU
        with every access checked. Parameters, activations and the optimizer's state stay there; batches go there, and
        outputs and the loss come back.
        `weighted_metrics` take the sample weights into account, `metrics` do not. Of a model with several outputs
        `loss`, `loss_weights`, `metrics` and `weighted_metrics` are lists with an entry for each output, or dicts by
        the outputs' names; one loss counts for all of them. An optimizer that the model was
        compiled with before keeps its moments and its step count.
        RuntimeError, saying what is missing, if there is no such target.
        """
        refuse("compile", unknown, list_arguments(Trainer.compile), _AS_COMPILED)
        for name, instead in _FIXED.items():
            if hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__}.{name} would never be called here; {instead}")
        if loss is None:
            raise ValueError("compile: loss is missing, for example loss='sparse_categorical_crossentropy'")
        targets.require(target)
        chosen = optimizers.get(optimizer), target
        asked = _Asked(loss, loss_weights, metrics, weighted_metrics)
        # what is given for one output is checked at once; the outputs of a subclass are known when it has run
        gives = self.known_outputs or (None if asked.is_structured else Structure(None, ("output",)))
        settled = None if gives is None else asked.settle(gives)
        with self.plans.alone():
            self.optimizer, self.target = chosen
            self._asked = asked
            if settled is not None:
                self.loss, self.compiled_metrics, self.weighted_metrics = settled
            else:
                self.loss, self.compiled_metrics, self.weighted_metrics = Objective([], [], Structure()), [], []
            self._settled_for = gives
            self.forget_plans()
            self.rebuild_optimizer()

    def recompile(self, optimizer: Any, loss: Loss | Objective, metrics: list[Any], weighted: list[Any]) -> None:
        """Take what an earlier `compile` had settled: of a model that is read from a file."""
        if isinstance(loss, Loss):
            self.compile(optimizer, loss, metrics, weighted)
            return
        plain, weighted = [check_metric(m) for m in metrics], [check_metric(m) for m in weighted]
        with self.plans.alone():
            self.optimizer, self.loss = optimizers.get(optimizer), loss
            self.compiled_metrics, self.weighted_metrics = plain, weighted
            self._settled_for = self.known_outputs
            self.forget_plans()
            self.rebuild_optimizer()

    @property
    def is_settled(self) -> bool:
        """True if what `compile` was given is known to fit a single output."""
        return self._settled_for is not None and self._settled_for.bare

    def settle(self, gives: Structure) -> None:
        """Choose the losses and the metrics for a model that gives these outputs."""
        if self._asked is None or self._settled_for == gives:
            return
        settled = self._asked.settle(gives)
        with self.plans.alone():
            self.loss, self.compiled_metrics, self.weighted_metrics = settled
            self._settled_for = gives
            self.forget_plans()

    def rebuild_optimizer(self) -> None:
        """Fit the optimizer's state to the parameters as they are packed now; what it knows of them is kept."""
        if self.optimizer is not None and self._arena is not None:
            self.optimizer.build(self._arena, self)

    # --- training

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: list[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        **unknown: Any,
    ) -> History:
        """Train for `epochs` passes over the data and return the History. Ctrl-C ends it with the best weights.

        x                 an array; a list or dict of arrays for a model with several inputs; or a generator, a sequence
                          (Keras's PyDataset) or a loader that yields batches (x, y) or (x, y, sample_weight), of arrays
                          or of other libraries' tensors: the next ones are fetched in a thread
        steps_per_epoch   batches of a generator or loader in an epoch, the next epoch goes on behind them; without
                          it, all of them
        validation_steps  likewise of validation_data
        class_weight      {class: weight}, a class not listed weighs 1; or "balanced": N / (classes * its number)
        sample_weight     one number a sample, or one a pixel for outputs (N,H,W,C)
        validation_data   (x, y) or (x, y, sample_weight); it takes the place of validation_split
        validation_freq   validate every so many epochs, or in the epochs listed, the first being 1
        """
        refuse("fit", unknown, list_arguments(Trainer.fit))
        self.require_compiled("fit")
        checks.integer("fit", "epochs", epochs, 0)
        given = list_callbacks("fit", callbacks)
        if validation_split and validation_data is None and not is_source(x):
            x = self.check_batch(x)
            x, y, sample_weight, validation_data = split_validation(x, y, sample_weight, validation_split)
        refused = {
            "y": y,
            "batch_size": batch_size,
            "sample_weight": sample_weight,
            "validation_split": validation_split,
        }
        data = self.feed("fit", x, refused, class_weight, ("steps_per_epoch", steps_per_epoch))
        held = self._held_out(validation_data, validation_batch_size or batch_size, validation_steps)
        self.history = History()
        calls = CallbackList(
            [*given, self.history],
            self,
            verbose=verbose,
            epochs=epochs,
            steps=data.steps,
            validated=held is not None,
        )
        progress = Progress(verbose, epochs, data.count or None)
        rng = self._shuffler(initial_epoch, data.length) if shuffle else None
        best, logs = Best(self, calls.callbacks), None
        self.stop_training = False
        with self._training("fit"), tell_of_compilation(progress.loud), progress:
            calls.call("on_train_begin")
            try:
                for epoch in range(initial_epoch, epochs):
                    check = held if held and _is_due(validation_freq, epoch + 1) else None
                    parts = data.parts(rng)
                    if parts is None:
                        warnings.warn(f"fit: the data ran out after {epoch - initial_epoch} epochs", stacklevel=2)
                        break
                    with closing(parts):
                        logs = self._epoch(epoch, data, parts, check, calls, progress)
                    best.note(epoch, logs)
                    if self.stop_training:
                        break
            except KeyboardInterrupt:
                self.history.interrupted = True
                progress.say(f"Interrupted: {best.restore()}")
            if self.optimizer is not None and self._arena is not None and not self.history.interrupted:
                with self.plans.alone():
                    self.optimizer.finish(self._arena.slabs)
            calls.call("on_train_end", logs=logs)
        targets.warn_of_slow_threads()
        return self.history

    def _shuffler(self, initial_epoch: int, count: int) -> np.random.Generator:
        """Return the generator of each epoch's order: for a later `initial_epoch` the one that training began with.

        So epochs 4 to 6 after a pause, or in another process that loaded the model, see the batches of a run of 6.
        """
        if self.shuffled is None or not initial_epoch:
            self.shuffled = next_seed(), initial_epoch
        seed, first = self.shuffled
        rng = np.random.Generator(np.random.Philox(seed))
        for _ in range(first, initial_epoch):
            rng.permutation(count)
        return rng

    def _held_out(self, given: Any, batch_size: int | None, steps: int | None) -> Batches | Stream | None:
        """Return the data of `validation_data`, which is (x, y), (x, y, sample_weight), or yields such batches."""
        if given is None:
            return None
        where, limit = "validation_data", ("validation_steps", steps)
        if is_source(given):
            return self.feed(where, given, {}, None, limit)
        x, y, weight = three(given)
        return self.feed(where, x, {"y": y, "batch_size": batch_size, "sample_weight": weight}, None, limit)

    def _epoch(
        self, epoch: int, data: Batches | Stream, parts: Any, held: Any, calls: CallbackList, progress: Progress
    ) -> Logs:
        """Train on the parts of `data` that are an epoch, then validate on `held`, if it is not None."""
        start = time.perf_counter()
        progress.epoch_begin(epoch)
        tally = self._start_tally(data)
        calls.call("on_epoch_begin", epoch)
        own, logs = type(self).train_step is not Trainer.train_step, {}
        seen = 0
        for number, part in enumerate(parts):
            calls.call("on_train_batch_begin", number)
            if own:
                logs = dict(self.train_step(data.arrays(part)) or {})
            else:
                self._train(data, part)
            so_far = partial(dict, logs) if own else tally.logs
            seen = min(seen + data.size, data.count) if isinstance(data, Batches) else seen + part.count
            progress.batch_end(seen, so_far)
            calls.call("on_train_batch_end", number, logs=so_far)
            if self.stop_training:
                break
        seconds, logs = time.perf_counter() - start, logs if own else tally.logs()
        if held:
            logs |= {f"val_{name}": value for name, value in self._measure(held, calls).items()}
        calls.call("on_epoch_end", epoch, logs=logs)
        progress.epoch_end(epoch, logs, seconds, seen)
        return logs

    def _train(self, data: Batches | Stream, part: Any) -> None:
        """Make one step on a batch: forward, backward, update."""
        plan, labels = data.load(part)
        assert self.optimizer is not None
        assert self._arena is not None
        assert self._tally is not None
        if plan.moves_statistics or self.target != "cpu":
            with self.plans.alone():
                self._step(plan, self.optimizer, self._arena)
        else:  # others may predict until the parameters change
            self._step(plan, self.optimizer, self._arena)
        self._tally.add((plan.batch, plan.measured(), labels, plan.y), data.weights_of(part))

    def _step(self, plan: Plan, optimizer: optimizers.Optimizer, arena: Arena | DeviceArena) -> None:
        plan.forward()
        plan.backward()
        with self.plans.alone():
            arena.send()  # if somebody has looked at the parameters since
            optimizer.apply(arena.slabs, self.target)

    @contextmanager
    def _training(self, what: str) -> Iterator[None]:
        """Be the one thread that trains; RuntimeError if another one does."""
        if not self.plans.training.acquire(blocking=False):
            raise RuntimeError(
                f"{what}: {self.name} is being trained in another thread. One thread trains a model at a time: wait "
                "until it is done, or train a model of your own (others may predict and evaluate meanwhile)"
            )
        try:
            yield
        finally:
            self.plans.training.release()

    def train_step(self, data: Any) -> Logs:
        """Train on one batch, (x, y) or (x, y, sample_weight), and return the metrics so far.

        `fit` calls an overriding method with NumPy arrays; it may change the batch, call this one, and add metrics.
        """
        batch, all_of_it = self._one_batch(data, "train_step")
        self._train(batch, all_of_it)
        assert self._tally is not None
        return self._tally.logs()

    def train_on_batch(
        self, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Make one step on one batch; return the loss and metrics of the batch before the update."""
        self.require_compiled("train_on_batch")
        data = Batches(self, x, y, sample_weight, class_weight, WHOLE, "train_on_batch")
        tally, whole = self._start_tally(data), slice(0, data.count)
        with self._training("train_on_batch"):
            if type(self).train_step is not Trainer.train_step:
                logs = dict(self.train_step(data.arrays(whole)) or {})
            else:  # the batch is checked already
                self._train(data, whole)
                logs = tally.logs()
        return logs if return_dict else plain(logs)


def _is_due(frequency: Any, epoch: int) -> bool:
    """Return True if this epoch, the first being 1, is one that is validated."""
    if isinstance(frequency, Container) and not isinstance(frequency, str):
        return epoch in frequency
    return epoch % checks.integer("fit", "validation_freq", frequency) == 0
