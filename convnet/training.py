"""compile, fit, evaluate, predict: the loops, with Keras's arguments and meanings."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet import losses, metrics, optimizers
from convnet.callbacks import Callback, EarlyStopping, History
from convnet.engine.batches import Batches, split_validation, three
from convnet.metrics import check as check_metric
from convnet.output.progress import Progress, tell_of_compilation
from convnet.utils import next_seed, refuse
from kernels import checks, targets

if TYPE_CHECKING:
    from convnet.engine.arena import Arena
    from convnet.engine.device_arena import DeviceArena
    from convnet.engine.plan import Plan


class Trainer:
    """The part of Model that trains and evaluates."""

    name: str
    stop_training: bool
    loss: losses.Loss | None = None
    optimizer: optimizers.Optimizer | None = None
    target: str = "cpu"
    compiled_metrics: list[Any] = []  # noqa: RUF012  (replaced, never changed)
    _arena: Arena | DeviceArena | None

    if TYPE_CHECKING:

        def plan(self, shape: tuple, *, training: bool = ..., loss: bool = ..., weighted: bool = ...) -> Plan: ...
        def arena(self) -> Arena | DeviceArena: ...
        def graph(self, shape: tuple[int, ...], training: bool = ...) -> Any: ...
        def forget_plans(self) -> None: ...
        def get_weights(self) -> list[np.ndarray]: ...
        def set_weights(self, weights: list[np.ndarray]) -> None: ...
        def check_batch(self, x: Any) -> Any: ...

    def compile(
        self, optimizer: Any = "rmsprop", loss: Any = None, metrics: Any = None, *, target: str = "cpu", **unknown: Any
    ) -> None:
        """Choose optimizer, loss and metrics, and where the kernels run.

        target="cpu"; "cuda", an NVIDIA GPU; or "cuda-emulated", which executes the GPU's compiled kernels on the CPU
        with every access checked. Weights, activations and the optimizer's state stay there; batches go there, and
        outputs and the loss come back.
        RuntimeError, saying what is missing, where there is no such target.
        """
        refuse("compile", unknown, ("optimizer", "loss", "metrics", "target"))
        if loss is None:
            raise ValueError("compile: loss is missing, for example loss='sparse_categorical_crossentropy'")
        if isinstance(metrics, (str, dict)):
            raise TypeError(f"compile: metrics must be a list, like ['accuracy'], got {metrics!r}")
        targets.require(target)
        self.optimizer, self.loss, self.target = optimizers.get(optimizer), losses.get(loss), target
        self.compiled_metrics = [check_metric(m) for m in metrics or []]
        self.forget_plans()
        self.rebuild_optimizer()

    def rebuild_optimizer(self) -> None:
        """Fresh optimizer state for the weights as they are packed now."""
        if self.optimizer is not None and self._arena is not None:
            self.optimizer.build(self._arena.slabs)

    def require_compiled(self, what: str) -> tuple[losses.Loss, optimizers.Optimizer]:
        if self.loss is None or self.optimizer is None:
            raise RuntimeError(
                f"{what}: compile the model first: model.compile(optimizer='adam', loss=..., metrics=[...])"
            )
        return self.loss, self.optimizer

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
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
        **unknown: Any,
    ) -> History:
        """Train for `epochs` passes over the data and return the History. Ctrl-C ends it with the best weights."""
        refuse("fit", unknown, ("x, y, batch_size, epochs, verbose, callbacks, validation_split, validation_data",))
        self.require_compiled("fit")
        checks.integer("fit", "epochs", epochs, 0)
        callbacks = callbacks or []
        if not isinstance(callbacks, (list, tuple)) or not all(isinstance(c, Callback) for c in callbacks):
            raise TypeError(f"fit: callbacks must be a list of Callback objects, got {callbacks!r}")
        if validation_split:
            x, y, sample_weight, validation_data = split_validation(x, y, sample_weight, validation_split)
        data = Batches(self, x, y, sample_weight, class_weight, batch_size, "fit")
        held = None
        if validation_data is not None:
            held = Batches(self, *three(validation_data), None, validation_batch_size or batch_size, "validation_data")
        history = History()
        calls = [*callbacks, history]
        progress = Progress(verbose, epochs, data.count)
        rng = np.random.Generator(np.random.Philox(next_seed())) if shuffle else None
        best = _Best(self, calls)
        with tell_of_compilation(progress.loud), progress:
            self._begin(calls)
            try:
                for epoch in range(initial_epoch, epochs):
                    check = held if held and (epoch + 1) % validation_freq == 0 else None
                    logs = self._epoch(epoch, data, check, rng, calls, progress)
                    best.note(epoch, logs)
                    if self.stop_training:
                        break
            except KeyboardInterrupt:
                progress.say(f"Interrupted: {best.restore()}")
            for c in calls:
                c.on_train_end()
        targets.warn_of_slow_threads()
        return history

    def _begin(self, calls: list[Callback]) -> None:
        self.stop_training = False
        for c in calls:
            c.model = self
            c.on_train_begin()

    def _epoch(
        self, epoch: int, data: Batches, held: Batches | None, rng: Any, calls: list[Callback], progress: Progress
    ) -> dict[str, float]:
        start = time.perf_counter()
        progress.epoch_begin(epoch)
        for c in calls:
            c.on_epoch_begin(epoch)
        tally = _Tally(data.metrics())
        for number, (plan, labels) in enumerate(data.load(training=True, rng=rng)):
            self._train(plan)
            tally.add(plan, labels)
            progress.batch_end(tally.images, tally.logs)
            for c in calls:
                if type(c).on_train_batch_end is not Callback.on_train_batch_end:
                    c.on_train_batch_end(number, tally.logs())
        seconds, logs = time.perf_counter() - start, tally.logs()
        if held:
            logs |= {f"val_{name}": value for name, value in self._measure(held).items()}
        for c in calls:
            c.on_epoch_end(epoch, logs)
        progress.epoch_end(epoch, logs, seconds)
        return logs

    def _train(self, plan: Plan) -> None:
        """One step: forward, backward, update, on what the plan's buffers hold."""
        plan.forward()
        plan.backward()
        assert self.optimizer is not None
        assert self._arena is not None
        self._arena.send()  # where somebody has looked at the weights since
        self.optimizer.apply(self._arena.slabs, self.target)

    # --- measuring

    def _measure(self, data: Batches) -> dict[str, float]:
        tally = _Tally(data.metrics())
        for plan, labels in data.load(training=False):
            plan.forward()
            tally.add(plan, labels)
        return tally.logs()

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        return_dict: bool = False,
        **unknown: Any,
    ) -> Any:
        """The loss, or [loss, *metrics], or a dict of them, on given data; the weights stay as they are."""
        refuse("evaluate", unknown, ("x, y, batch_size, verbose, sample_weight, return_dict",))
        self.require_compiled("evaluate")
        progress = Progress(verbose, 1, 0)
        with tell_of_compilation(progress.loud):
            logs = self._measure(Batches(self, x, y, sample_weight, None, batch_size, "evaluate"))
        if progress.loud:
            print(" - ".join(f"{name} {value:.4f}" for name, value in logs.items()), flush=True)
        return logs if return_dict else _plain(logs)

    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = 0, **unknown: Any) -> np.ndarray:
        """The outputs for all samples, batch by batch."""
        refuse("predict", unknown, ("x, batch_size, verbose",))
        x = self.check_batch(x)
        size = 32 if batch_size is None else checks.integer("predict", "batch_size", batch_size)
        outputs: np.ndarray | None = None
        with tell_of_compilation(verbose not in (0, "auto")):
            for start in range(0, len(x), size):
                part = x[start : start + size]
                plan = self.plan(part.shape)
                plan.x[...] = part
                plan.forward()
                if outputs is None:
                    outputs = np.empty((len(x), *plan.y.shape[1:]), plan.dtype)
                outputs[start : start + size] = plan.y
        if outputs is None:
            graph = self.graph(x.shape[1:])
            return np.empty((0, *graph.output.sample_shape), graph.dtype)
        return outputs

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """The outputs for one batch."""
        return self(x)  # type: ignore[operator]

    def train_on_batch(
        self, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """One step on one batch; the loss and metrics of the batch before the update."""
        self.require_compiled("train_on_batch")
        data = Batches(self, x, y, sample_weight, class_weight, len(np.asarray(x)), "train_on_batch")
        tally = _Tally(data.metrics())
        for plan, labels in data.load(training=True):
            self._train(plan)
            tally.add(plan, labels)
        return tally.logs() if return_dict else _plain(tally.logs())

    def test_on_batch(self, x: Any, y: Any, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and metrics of one batch."""
        return self.evaluate(x, y, len(np.asarray(x)), 0, sample_weight, return_dict)


def _plain(logs: dict[str, float]) -> Any:
    return next(iter(logs.values())) if len(logs) == 1 else list(logs.values())


class _Tally:
    """Loss and metrics over the batches so far; the loss weighted by the batches' sizes."""

    def __init__(self, found: list[metrics.Metric]) -> None:
        self.metrics, self.images, self.loss = found, 0, 0.0
        for m in found:
            m.reset()

    def add(self, plan: Plan, labels: np.ndarray) -> None:
        self.images += plan.batch
        self.loss += float(plan.loss) * plan.batch
        for m in self.metrics:
            m.update(labels, plan.y)

    def logs(self) -> dict[str, float]:
        return {"loss": self.loss / max(self.images, 1), **{m.label: m.result() for m in self.metrics}}


class _Best:
    """The weights of the best epoch so far (by val_loss, else by loss), for when training is interrupted.

    An EarlyStopping that restores has a say in what is best: then it does so, and not this.
    """

    def __init__(self, model: Any, calls: list[Callback]) -> None:
        self.model, self.value, self.epoch = model, float("inf"), -1
        self.weights: list[np.ndarray] | None = None
        self.others = [c for c in calls if isinstance(c, EarlyStopping) and c.restore_best_weights]

    def note(self, epoch: int, logs: dict[str, float]) -> None:
        value = logs.get("val_loss", logs["loss"])
        if value < self.value:
            self.value, self.epoch, self.weights = value, epoch, self.model.get_weights()

    def restore(self) -> str:
        for c in self.others:
            if c.best_weights is not None:
                return f"the weights are those of the best epoch by {c.monitor}, {c.best_epoch + 1}."
        if self.weights is None:
            return "no epoch was complete; the weights are those of the last finished step."
        self.model.set_weights(self.weights)
        return f"the weights are those of the best epoch, {self.epoch + 1} (loss {self.value:.4f})."
