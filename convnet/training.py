"""fit: the training loop, with Keras's arguments and meanings."""

from __future__ import annotations

import time
import warnings
from collections.abc import Container, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.callbacks import Callback, CallbackList, History
from convnet.callbacks.base import writes
from convnet.compiling import Compiler
from convnet.distribute.step import ShardedStep
from convnet.engine.batches import WHOLE, Batches, split_validation, three
from convnet.feeding import Stream, is_source
from convnet.measuring import plain
from convnet.nested.several import Several
from convnet.output.progress import Progress, tell_of_compilation
from convnet.predicting import Logs, list_callbacks
from convnet.resuming import Place, Resumption
from convnet.resuming.facts import describe, fingerprint
from convnet.tally import Best
from convnet.utils import list_arguments, next_seed, refuse
from kernels import checks, targets

if TYPE_CHECKING:
    from convnet.engine.arena import Arena
    from convnet.engine.device_arena import DeviceArena
    from convnet.engine.graph import Graph
    from convnet.engine.plan import Plan
    from convnet.optimizers import Optimizer


@dataclass(frozen=True)
class Course:
    """What every epoch of one `fit` has in common; `held` is validated every `frequency` epochs."""

    data: Batches | Stream
    held: Batches | Stream | None
    frequency: Any
    calls: CallbackList
    progress: Progress
    resumption: Resumption


class Trainer(Compiler):
    """The part of Model that trains. A subclass may override Keras's `train_step`, which gets a batch."""

    if TYPE_CHECKING:

        def arena(self) -> Arena | DeviceArena:
            """Return the trainable parameters packed flat where the model runs."""

        def training_graph(self) -> Graph:
            """Return the recorded layer calls of training."""

    history: History | None = None
    _sharded: ShardedStep | None = None
    shuffled: tuple[int, int] | None = None  # where the order of batches began: a seed, and which epoch

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
        progress = Progress(verbose if writes(self) else 0, epochs, data.count or None)
        best, logs = Best(self, calls.callbacks), None
        course = Course(data, held, validation_freq, calls, progress, Resumption(self, data, calls, best))
        resumption = course.resumption
        if shuffle:
            self._choose_order(initial_epoch)
        self.stop_training = False
        if self.distribute is not None:
            self.distribute.require_equal(self._facts(data, held, shuffle))
        with self._training("fit"), tell_of_compilation(progress.loud), progress, resumption:
            calls.call("on_train_begin")
            place = resumption.begin(initial_epoch, held, shuffle=bool(shuffle))
            if self.distribute is not None:  # all have read the backup before the first one writes another
                self.distribute.require_equal({"where it begins": [place.epoch, place.batches]})
            if place.told:
                progress.say(place.told)
            rng = self._shuffler(initial_epoch, data.length) if shuffle else None
            for epoch in range(initial_epoch, place.epoch):
                data.skip_epoch(rng)
                if held is not None and _is_due(validation_freq, epoch + 1):
                    held.skip_epoch(None)
            logs = place.logs
            try:
                while place.epoch < epochs and not place.ended:
                    parts = data.parts(rng)
                    if parts is None:
                        done = place.epoch - initial_epoch
                        warnings.warn(f"fit: the data ran out after {done} epochs", stacklevel=2)
                        break
                    with closing(parts):
                        logs = self._epoch(place, parts, course)
                    best.note(place.epoch, logs)
                    place = Place(place.epoch + 1, logs=logs, ended=self.stop_training)
                    resumption.after_epoch(place)
            except KeyboardInterrupt:
                self.history.interrupted = True
                progress.say(f"Interrupted: {best.restore()}")
            if self.optimizer is not None and self._arena is not None and not self.history.interrupted:
                with self.plans.alone():
                    self.optimizer.finish(self._arena.slabs)
            calls.call("on_train_end", logs=logs)
        resumption.finish(self.history.interrupted)
        targets.warn_of_slow_threads()
        return self.history

    def _facts(self, data: Any, held: Any, shuffle: bool) -> dict[str, Any]:
        """Return what all processes that share a training must have in common."""
        assert self.distribute is not None
        facts = describe(self, data, held, shuffle=shuffle, order=self.shuffled, version=version("formula-convnet"))
        return facts | {"the parameters": fingerprint(Several(self.get_weights()))}

    def _choose_order(self, initial_epoch: int) -> None:
        """Choose where the order of batches begins: for a later `initial_epoch` it is what training began with.

        So epochs 4 to 6 after a pause, or in another process that loaded the model, see the batches of a run of 6.
        """
        if self.shuffled is None or not initial_epoch:
            self.shuffled = next_seed(), initial_epoch

    def _shuffler(self, initial_epoch: int, count: int) -> np.random.Generator:
        """Return the generator of each epoch's order, where `initial_epoch` begins."""
        assert self.shuffled is not None
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

    def _epoch(self, place: Place, parts: Any, course: Course) -> Logs:
        """Train on the parts of the data that are an epoch, from `place` on, then validate if it is due."""
        start = time.perf_counter()
        data, calls, epoch = course.data, course.calls, place.epoch
        course.progress.epoch_begin(epoch)
        tally = self._start_tally(data)
        calls.call("on_epoch_begin", epoch)
        course.resumption.enter_epoch(tally)
        own, logs = type(self).train_step is not Trainer.train_step, place.logs if place.batches else {}
        seen = 0
        for number, part in enumerate(parts):
            seen = min(seen + data.size, data.count) if isinstance(data, Batches) else seen + part.count
            if number < place.batches:
                continue  # before the backup
            if place.batches and self.stop_training:
                break
            calls.call("on_train_batch_begin", number)
            if own:
                logs = dict(self.train_step(data.arrays(part)) or {})
            else:
                self._train(data, part)
            so_far = partial(dict, logs) if own else tally.logs
            course.progress.batch_end(seen, so_far)
            calls.call("on_train_batch_end", number, logs=so_far)
            course.resumption.after_batch(Place(epoch, number + 1, logs if own else None), tally)
            if self.stop_training:
                break
        seconds, logs = time.perf_counter() - start, logs if own else tally.logs()
        if course.held and _is_due(course.frequency, epoch + 1):
            logs |= {f"val_{name}": value for name, value in self._measure(course.held, calls).items()}
        calls.call("on_epoch_end", epoch, logs=logs)
        course.progress.epoch_end(epoch, logs, seconds, seen)
        return logs

    def _train(self, data: Batches | Stream, part: Any) -> None:
        """Make one step on a batch: forward, backward, update."""
        if self.distribute is not None:
            self._train_shards(data, part)
            return
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

    def _train_shards(self, data: Batches | Stream, part: Any) -> None:
        """Make one step on a batch whose shards several processes may share."""
        assert self.distribute is not None
        assert self.optimizer is not None
        assert self._tally is not None
        if hasattr(getattr(data, "x", None), "facts"):  # images that are changed at random as they are read: at once
            data, part = self._one_batch(data.arrays(part), "fit")
        with self.plans.alone():
            arena, graph = self.arena(), self.training_graph()
            if self._sharded is None or self._sharded.made_for != (self.distribute, graph, arena):
                self._sharded = ShardedStep(self, self.distribute)
            found = self._sharded.compute(data, part, bool(self._tally.metrics))
            self.optimizer.apply(arena.slabs, self.target)
        self._tally.add(found, data.weights_of(part))

    def _step(self, plan: Plan, optimizer: Optimizer, arena: Arena | DeviceArena) -> None:
        with plan.compiling_ahead(lambda: optimizer.updates(arena.slabs, self.target)):
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
