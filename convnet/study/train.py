"""Training: one model, by a recipe, on the train and val splits of a cohort."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from convnet.callbacks import BackupAndRestore, Callback, EarlyStopping
from convnet.data.cohort import mirror
from convnet.data.cohort.augment import Augmented
from convnet.distribute.launch import choose as choose_distribution
from convnet.layers.naming import numbered_anew
from convnet.study.averaging import Averaged
from convnet.study.groups import make_grouping, require_groups
from convnet.study.metadata import ModelRecord, Run, fingerprint
from convnet.study.mixing import mixed
from convnet.study.networks import NETWORKS, check_shape, compile_for
from convnet.study.outputs import predict_outputs
from convnet.study.recipe import Recipe
from convnet.study.resume import hash_labels
from convnet.study.tasks import TASKS, Task
from convnet.study.trained import Trained
from convnet.utils import set_random_seed

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort


class BestByScore(EarlyStopping):
    """Add the task's score on val to the metrics of an epoch, stop by it, and restore the parameters of the best epoch.

    Of epochs with one score the one with the smaller val_loss is better: on an easy task the first epoch that ranks all
    images correctly is not yet the one whose probabilities lie on the right side of 1/2.

    outputs  for the images x, of the epoch that is kept
    """

    kept: ClassVar[tuple[str, ...]] = (*EarlyStopping.kept, "outputs")

    def __init__(self, task: Task, x: np.ndarray, y: np.ndarray, patience: int, restore: bool = True) -> None:
        super().__init__(task.score_name or "", patience=patience, mode="max", restore_best_weights=restore)
        self.task, self.x, self.y = task, x, y

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Measure the score on x, then decide as any early stopping does."""
        assert logs is not None
        outputs = predict_outputs(self.model, self.x)
        score = self.task.score(self.y, self.task.read(outputs)) if np.isfinite(outputs).all() else None
        logs[self.monitor] = float("nan") if score is None else score
        super().on_epoch_end(epoch, logs)
        if self.best_epoch == epoch or not self.restore_best_weights:
            self.outputs = outputs

    def watched(self, logs: dict[str, float]) -> Any:
        """Return what epochs are compared by."""
        return logs[self.monitor], -logs["val_loss"]

    def better(self, value: Any, best: Any) -> bool:
        """Return True if an epoch is better than the best so far."""
        return not np.isnan(value).any() and (best is None or value > best)


class StopDiverged(Callback):
    """Stop when an epoch's loss is no number: no later one will be better."""

    kept: ClassVar[tuple[str, ...]] = ("diverged",)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Note that nothing has diverged yet."""
        self.diverged: int | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Stop after an epoch whose loss, on train or on val, is not finite."""
        assert logs is not None
        if not all(np.isfinite(logs[name]) for name in ("loss", "val_loss")):
            self.diverged, self.model.stop_training = epoch, True


class Schedule(Callback):
    """The learning rate of epoch t of T: its first value times (t + 1) / W over W epochs, then as chosen.

    cosine falls to 0: (1 + cos(pi (t - W) / (T - W))) / 2 (Loshchilov & Hutter 2017).
    """

    kept: ClassVar[tuple[str, ...]] = ("first",)

    def __init__(self, recipe: Recipe) -> None:
        assert recipe.epochs is not None  # a complete recipe
        assert recipe.warmup is not None
        self.epochs, self.warmup, self.cosine = recipe.epochs, recipe.warmup, recipe.schedule == "cosine"

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Remember the first learning rate."""
        self.first = self.model.optimizer.learning_rate

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Set the learning rate of this epoch."""
        factor = 1.0
        if epoch < self.warmup:
            factor = (epoch + 1) / self.warmup
        elif self.cosine:
            factor = float(1 + np.cos(np.pi * (epoch - self.warmup) / (self.epochs - self.warmup))) / 2
        self.model.optimizer.learning_rate = self.first * factor


def train(
    cohort: Cohort,
    recipe: Recipe | None = None,
    *,
    seed: int = 0,
    verbose: Any = "auto",
    callbacks: Sequence[Callback] = (),
    backup: Path | None = None,
    **changes: Any,
) -> Trained:
    """Train one model on the cohort's train split and keep its best epoch on val. The test split is never read.

    recipe     how; its `runs` apart (`complete.train_recipe` does those)
    seed       of the initial parameters, of the order of the images, and of augmentation
    callbacks  called after our own
    backup     a folder for a backup after every epoch, from which training goes on; it is not removed at the end
    changes    settings that replace the recipe's
    The best epoch is the one with the highest score of the task (val_auc, val_kappa), of regression and where val lacks
    a class the one with the lowest val_loss; keep="last" keeps the last one.
    """
    recipe = replace(recipe or Recipe(), **changes).complete(cohort)
    x, y = cohort.split("train")
    x_val, y_val = cohort.split("val")
    task = TASKS[cohort.task].prepare(y)
    check_splits(y, y_val)
    task.check(cohort, y)
    require_recipe(recipe, cohort.task)
    require_content(x)
    grouping = make_grouping(recipe.group, recipe.aggregate, recipe.finding, cohort.classes, cohort.task)
    require_groups(cohort, grouping)
    check_shape(recipe.network, x.shape[1:])
    set_random_seed(seed)
    network, classes = recipe.network, len(cohort.classes)
    activation = {} if network == "formula" else {"activation": task.activation}
    made: Any = mixed(NETWORKS[network], recipe.mixup, seed) if recipe.mixup else NETWORKS[network]
    with numbered_anew():  # a model's file is the same whatever this process made before
        model = made(task.width(classes), dropout=recipe.dropout, name=network, **activation)
    softened = recipe.mixup or recipe.label_smoothing
    loss = task.soft_loss(recipe.label_smoothing) if softened else task.loss
    compile_for(model, network, recipe.learning_rate, recipe.weight_decay, loss, task.metrics)
    model.distribute = choose_distribution(recipe.shards)
    targets = task.soft_targets if network == "formula" or softened else task.targets
    y_fit, y_check = (targets(t, classes) for t in (y, y_val))
    averaged = [Averaged(recipe.average)] if recipe.average else []  # before those that measure the model
    stop = choose_stopping(recipe, task, x_val, y_val, classes)
    diverged = StopDiverged()
    kept = [] if backup is None else [keep_backup(backup, recipe, seed)]
    wave = recipe.network == "wave"  # time has a direction
    mirrored, why = (False, "electrocardiograms are not") if wave else mirror.decide(recipe.flip, cohort)
    history = model.fit(
        x if wave else augment(x, recipe, mirrored, seed),
        y_fit,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        validation_data=(x_val, y_check),
        callbacks=[*averaged, stop, diverged, Schedule(recipe), *callbacks, *kept],
        class_weight=balance_classes(y) if recipe.class_weight == "balanced" else None,
        verbose=verbose,
    )
    if not history.epoch:
        raise KeyboardInterrupt  # before one epoch was complete: there is no model to keep
    if diverged.diverged is not None:
        report_divergence(diverged.diverged + 1, stop, recipe)
    if stop.best is None:
        raise ValueError(f"train: {stop.monitor} was never a number: the images hold NaN, or a class is missing")
    epoch = stop.best_epoch if recipe.keep == "best" else len(history.epoch) - 1
    value = history.history[stop.monitor][epoch]
    run = Run(seed, len(history.epoch), epoch + 1, stop.monitor, value, history.interrupted)
    model.metadata = ModelRecord(
        classes=tuple(cohort.classes),
        network=network,
        recipe=recipe.to_json(),
        mirrored={"done": mirrored, "why": why},
        images=cohort.counts(),
        seen=tuple(fingerprint(image) for images in (x, x_val) for image in images),
        labels=hash_labels(y, y_val),
        grouping=grouping,
        task=cohort.task,
        runs=(run,),
    ).to_plain()
    outputs = stop.outputs if isinstance(stop, BestByScore) else predict_outputs(model, x_val)
    return Trained(model, history, task.finish(model, outputs))


def keep_backup(folder: Path, recipe: Recipe, seed: int) -> BackupAndRestore:
    """Return the callback that keeps a backup of this training alone."""
    found = BackupAndRestore(folder, delete_checkpoint=False)
    found.facts = {name: value for name, value in recipe.to_json().items() if name != "runs"} | {"seed": seed}
    return found


def report_divergence(epoch: int, stop: EarlyStopping, recipe: Recipe) -> None:
    """Warn that training diverged and which epoch is kept; ValueError if there is none to keep."""
    what = f"train: training diverged in epoch {epoch}: the loss is not a finite number"
    if stop.best is None:
        raise ValueError(f"{what}, and no epoch before it can be kept. Lower the learning rate, or look for NaN in x")
    if recipe.keep != "best":
        raise ValueError(f"{what}. keep='best' would have kept epoch {stop.best_epoch + 1}; or lower the learning rate")
    warnings.warn(f"{what}; epoch {stop.best_epoch + 1}, the best before it, is kept", RuntimeWarning, stacklevel=3)


def choose_stopping(recipe: Recipe, task: Task, x_val: Any, y_val: np.ndarray, classes: int) -> EarlyStopping:
    """Return the callback that chooses the epoch: by the task's score if val holds every class, else by loss."""
    best = recipe.keep == "best"
    patience = recipe.patience if best or recipe.epochs is None else recipe.epochs
    held = classes if y_val.ndim == 2 else len(np.unique(y_val))
    if task.score_name is not None and held == classes:
        return BestByScore(task, x_val, y_val, patience, best)
    return EarlyStopping("val_loss", patience=patience, restore_best_weights=best)


def check_splits(y: np.ndarray, y_val: np.ndarray) -> None:
    """Raise ValueError if there is nothing to fit on, or nothing to choose by."""
    for name, labels in (("train", y), ("val", y_val)):
        if not len(labels):
            raise ValueError(
                f"train: the '{name}' split has no images: the model is fitted on train and chosen on val. "
                "Mark rows of the table as val; or, without a split column, give more patients of each class: they are "
                "split 70/10/20"
            )


def require_recipe(recipe: Recipe, task: str) -> None:
    """Raise ValueError for choices that a task cannot have."""
    softened = [name for name in ("mixup", "label_smoothing") if getattr(recipe, name)]
    if softened and recipe.network == "formula":
        raise ValueError(f"train: {softened[0]} is for cross-entropies, not for the network formula")
    if task == "classes":
        return
    if recipe.network == "formula":
        raise ValueError(f"train: the network formula is for --task classes, not for {task}: use another --network")
    if recipe.class_weight != "none" and task != "ordinal":
        raise ValueError(f"train: --class-weight balanced is for one class an image, not for --task {task}")


def require_content(x: Any) -> None:
    """Raise ValueError if every image is constant: there is nothing to learn."""
    if all(float(image.min()) == float(image.max()) for image in x):
        value = float(x[0].max())
        raise ValueError(
            f"train: all {len(x)} training images are constant (the first is {value:g} everywhere): nothing can be "
            "learned. As a rule the window does not fit the pixels: `convnet inspect FILE --picture steps.png` shows "
            "what the network sees, and --window CENTRE WIDTH gives another"
        )


def augment(x: np.ndarray, recipe: Recipe, mirrored: bool, seed: int) -> Any:
    """Return the training images as `fit` takes them. Lengths in the recipe are for images of 28 pixels."""
    unit = min(x.shape[1:3]) / 28
    changes = {
        "flip": mirrored,
        "shift": float(round(recipe.shift * unit)) if float(recipe.shift).is_integer() else recipe.shift * unit,
        "rotate": recipe.rotate,
        "scale": recipe.scale,
        "intensity": recipe.intensity,
        "elastic": recipe.elastic * unit,
    }
    return Augmented(x, seed=seed, **changes) if any(changes.values()) else x


def balance_classes(y: np.ndarray) -> dict[int, float]:
    """Return class weights by which every class counts the same: N / (classes * its number), as in scikit-learn."""
    from sklearn.utils.class_weight import compute_class_weight

    present = np.unique(y)
    weights = compute_class_weight("balanced", classes=present, y=y)
    return dict(zip(present.tolist(), weights.tolist(), strict=True))
