"""compile: the optimizer, the losses, the metrics, and where the kernels run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convnet import losses, optimizers
from convnet.distribute import Shards
from convnet.engine.precision import check as check_precision
from convnet.losses import Loss, Objective
from convnet.measuring import Measurer
from convnet.metrics import check as check_metric
from convnet.metrics import per_output
from convnet.nested.structure import Structure
from convnet.utils import list_arguments, refuse
from kernels import targets

if TYPE_CHECKING:
    from convnet.engine.arena import Arena
    from convnet.engine.device_arena import DeviceArena
    from convnet.engine.lending import Lending

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


def check_distribution(given: Any, target: str) -> None:
    """Raise TypeError or ValueError for what is no distribution, or not for this target."""
    if not isinstance(given, Shards):
        raise TypeError(f"compile: distribute must be a convnet.distribute.Shards or MPI, got {given!r}")
    if target != "cpu":
        raise ValueError(f"compile: distribute is for target='cpu', got {target!r}")


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


class Compiler(Measurer):
    """The part of Model that is compiled."""

    _arena: Arena | DeviceArena | None
    plans: Lending
    distribute: Shards | None = None  # how each batch is cut into shards
    precision: str = "float32"  # how the sums of layers are computed
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
        distribute: Shards | None = None,
        precision: str = "float32",
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
        `distribute` is a `convnet.distribute.Shards` or `MPI`: each batch is cut into a fixed number of shards, which
        several processes may share, and the result does not depend on how many they are.
        precision="bfloat16x6", "bfloat16x3" or "bfloat16" computes the sums of convolutions and dense layers with 16
        channels or more on the matrix unit of Intel's processors (AMX), from bfloat16 parts of their numbers: more
        precise than float32's own sums, 2^-15, or 2^-7 of each term less precise. It is not saved with the model.
        RuntimeError, saying what is missing, if there is no such target or no matrix unit.
        """
        refuse("compile", unknown, list_arguments(Compiler.compile), _AS_COMPILED)
        for name, instead in _FIXED.items():
            if hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__}.{name} would never be called here; {instead}")
        if loss is None:
            raise ValueError("compile: loss is missing, for example loss='sparse_categorical_crossentropy'")
        targets.require(target)
        check_precision("compile", precision, target)
        if distribute is not None:
            check_distribution(distribute, target)
        chosen = optimizers.get(optimizer), target
        asked = _Asked(loss, loss_weights, metrics, weighted_metrics)
        # what is given for one output is checked at once; the outputs of a subclass are known when it has run
        gives = self.known_outputs or (None if asked.is_structured else Structure(None, ("output",)))
        settled = None if gives is None else asked.settle(gives)
        with self.plans.alone():
            self.optimizer, self.target = chosen
            self.distribute, self.precision = distribute, precision
            self._asked = asked
            if settled is not None:
                self.loss, self.compiled_metrics, self.weighted_metrics = settled
            else:
                self.loss, self.compiled_metrics, self.weighted_metrics = Objective([], [], Structure()), [], []
            self._settled_for = gives
            self.forget_plans()
            self.rebuild_optimizer()

    def recompile(
        self, optimizer: Any, loss: Loss | Objective, metrics: list[Any], weighted: list[Any], shards: Shards | None
    ) -> None:
        """Take what an earlier `compile` had settled: of a model that is read from a file."""
        if isinstance(loss, Loss):
            self.compile(optimizer, loss, metrics, weighted, distribute=shards)
            return
        plain, weighted = [check_metric(m) for m in metrics], [check_metric(m) for m in weighted]
        with self.plans.alone():
            self.optimizer, self.loss = optimizers.get(optimizer), loss
            self.compiled_metrics, self.weighted_metrics = plain, weighted
            self.distribute = shards
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
