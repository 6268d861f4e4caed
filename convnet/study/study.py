"""One study: a cohort in, a trained model out; then measured on a split, or applied to files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.callbacks import Callback, EarlyStopping, History
from convnet.data.cohort import mirror
from convnet.data.cohort.augment import Augmented
from convnet.data.dicom import check_arguments
from convnet.evaluation import metrics, threshold
from convnet.evaluation.report import SUBGROUPS, report
from convnet.notice import NOTICE
from convnet.study.networks import NETWORKS, check_shape, compile_for
from convnet.study.recipe import Recipe
from convnet.utils import set_random_seed

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.model import Model


class BestByAUC(EarlyStopping):
    """Adds val_auc to the figures of an epoch, stops by it, and brings the best epoch's weights back.

    Of epochs with one AUC the one with the smaller val_loss is better: on an easy task the first epoch that ranks all
    images rightly is not yet the one whose probabilities lie on the right side of 1/2.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, patience: int, restore: bool = True) -> None:
        super().__init__("val_auc", patience=patience, mode="max", restore_best_weights=restore)
        self.x, self.y = x, y

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        area = metrics.auc(self.y, probabilities(self.model, self.x))
        logs["val_auc"] = float("nan") if area is None else area
        super().on_epoch_end(epoch, logs)

    def watched(self, logs: dict[str, float]) -> Any:
        return logs["val_auc"], -logs["val_loss"]

    def better(self, value: Any, best: Any) -> bool:
        return not np.isnan(value).any() and (best is None or value > best)


class Cosine(Callback):
    """The learning rate of epoch t of T is its first value times (1 + cos(pi t / T)) / 2 (Loshchilov & Hutter 2017)."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.first = self.model.optimizer.learning_rate  # type: ignore[union-attr]

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.model.optimizer.learning_rate = self.first * (1 + np.cos(np.pi * epoch / self.epochs)) / 2  # type: ignore[union-attr]


def train(
    cohort: Cohort,
    recipe: Recipe | None = None,
    *,
    seed: int = 0,
    verbose: Any = "auto",
    callbacks: Sequence[Callback] = (),
    **changes: Any,
) -> tuple[Model, History]:
    """One model by the recipe (its `runs` apart), fitted on the cohort's train split. Test is never looked at.

    The epoch that is kept is the best on val, "best" the highest val_auc (val_loss where a class is missing from val);
    with keep="last" the last one. `changes` are put in the recipe's place.
    """
    recipe = replace(recipe or Recipe(), **changes)
    x, y = cohort.split("train")
    x_val, y_val = cohort.split("val")
    check_splits(cohort, y, y_val)
    check_shape(recipe.network, x.shape[1:])
    set_random_seed(seed)
    network, classes = recipe.network, len(cohort.classes)
    model = NETWORKS[network](classes, dropout=recipe.dropout, name=network)
    compile_for(model, network, recipe.learning_rate, recipe.weight_decay)
    one_hot = network == "formula"
    y_fit, y_check = (np.eye(classes, dtype=np.float32)[t] if one_hot else t for t in (y, y_val))
    by_auc = metrics.auc(y_val, np.eye(classes)[y_val]) is not None
    patience = recipe.patience if recipe.keep == "best" else recipe.epochs
    best = recipe.keep == "best"
    stop = (
        BestByAUC(x_val, y_val, patience, best)
        if by_auc
        else EarlyStopping("val_loss", patience=patience, restore_best_weights=best)
    )
    wave = recipe.network == "wave"  # time has a direction
    mirrored, why = (False, "electrocardiograms are not") if wave else mirror.decide(recipe.flip, cohort)
    history = model.fit(
        x if wave else augmented(x, recipe, mirrored, seed),
        y_fit,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        validation_data=(x_val, y_check),
        callbacks=[stop, *([Cosine(recipe.epochs)] if recipe.schedule == "cosine" else []), *callbacks],
        class_weight=balanced(y) if recipe.class_weight == "balanced" else None,
        verbose=verbose,
    )
    if not history.epoch:
        raise KeyboardInterrupt  # before one epoch was complete: there is no model to keep
    if stop.best is None:
        raise ValueError(f"train: {stop.monitor} was never a number: training diverged, or the images hold NaN")
    kept = stop.best_epoch if best else len(history.epoch) - 1
    model.metadata = {
        "classes": list(cohort.classes),
        "network": network,
        "recipe": recipe.to_json(),
        "mirrored": {"done": mirrored, "why": why},
        "seed": seed,
        "images": cohort.counts(),
        "seen": [fingerprint(image) for name in ("train", "val") for image in cohort.split(name)[0]],
        "epochs_run": len(history.epoch),
        "best_epoch": kept + 1,
        "chosen_by": stop.monitor,
        "chosen_value": history.history[stop.monitor][kept],
        "notice": NOTICE,
    }
    return model, history


def check_splits(cohort: Cohort, y: np.ndarray, y_val: np.ndarray) -> None:
    """ValueError where there is nothing to fit on, nothing to choose by, or only one class."""
    for name, labels in (("train", y), ("val", y_val)):
        if not len(labels):
            raise ValueError(
                f"train: the '{name}' split has no images: the model is fitted on train and chosen on val. "
                "Mark rows of the table as val, or leave its split column out and images are dealt 70/10/20"
            )
    missing = [c for i, c in enumerate(cohort.classes) if i not in y]
    if len(cohort.classes) < 2 or missing:
        only = f"only {cohort.classes[0]!r}"
        lacks = f"no image of class {missing[0]!r} in the split 'train'" if missing else only
        raise ValueError(f"train: needs images of two classes or more, but there is {lacks}")


def augmented(x: np.ndarray, recipe: Recipe, mirrored: bool, seed: int) -> Any:
    """The training images as `fit` takes them; lengths in the recipe are for images of 28 pixels."""
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


def balanced(y: np.ndarray) -> dict[int, float]:
    """Weights by which every class counts alike: N / (classes * its number), as in scikit-learn."""
    from sklearn.utils.class_weight import compute_class_weight

    present = np.unique(y)
    weights = compute_class_weight("balanced", classes=present, y=y)
    return dict(zip(present.tolist(), weights.tolist(), strict=True))


def fingerprint(image: np.ndarray) -> str:
    """64 bits of a hash of the prepared pixels: the same image is known again, whatever its file's name."""
    return hashlib.sha256(image.tobytes()).hexdigest()[:16]


def seen_in_training(model: Model, x: Any) -> int:
    """How many of these images the model was fitted or chosen on."""
    known = model.metadata.get("seen")
    seen = {mark for mark in known if isinstance(mark, str)} if isinstance(known, list) else set()
    return sum(fingerprint(image) in seen for image in x)


def classes_of(model: Model) -> tuple[str, ...]:
    """The class names that were saved with a model; ValueError for a model that this command line did not train."""
    found = model.metadata.get("classes")
    if not isinstance(found, list) or not all(isinstance(c, str) for c in found):
        raise ValueError(f"{model.name}: the model file names no classes: it was not made by `convnet train`")
    shape = model.training_graph().output.sample_shape
    if shape != (len(found),):
        raise ValueError(f"{model.name}: the model file names {len(found)} classes for outputs of shape {shape}")
    return tuple(found)


def pipeline_of(model: Model) -> dict[str, Any]:
    """How the pixels of the training images were prepared: size, aspect, window, channels (1 where none are stated)."""
    found = model.metadata.get("pipeline")
    if isinstance(found, dict):
        found = {"channels": 1, **found}
    if not isinstance(found, dict) or set(found) != {"size", "aspect", "window", "channels"}:
        raise ValueError(f"{model.name}: the model file tells no pixel pipeline: it was not made by `convnet train`")
    window = tuple(found["window"]) if isinstance(found["window"], list) else found["window"]
    try:
        check_arguments(found["size"], found["aspect"], window, found["channels"])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{model.name}: the model file's pixel pipeline cannot be used: {error}") from None
    shape = tuple(model.input_shape or ())
    wave = shape[:1] == (1,)  # an electrocardiogram's images are one pixel high, its channels are leads
    if found["size"] not in shape[:2] or not (wave or shape[2:] == (found["channels"],)):
        prepared = f"{found['size']!r} pixels, {found['channels']!r} channel(s)"
        raise ValueError(f"{model.name}: the model file prepares {prepared}, for {model.input_shape}")
    return {**found, "window": window}


def probabilities(model: Model, x: Any) -> np.ndarray:
    """The outputs as probabilities (N,classes), float64; a sigmoid network's are divided by their sum."""
    outputs = model.predict(x, batch_size=64).astype(np.float64)
    total = outputs.sum(axis=1, keepdims=True)
    return outputs / np.where(total > 0, total, 1)


def calibrated(model: Model, p: np.ndarray) -> np.ndarray:
    """Probabilities (N,classes) at the temperature T that the model file records; as they are where it records none.

    p_c^(1/T) / sum_k p_k^(1/T), which is softmax(z / T) for p = softmax(z) (Guo et al., ICML 2017).
    """
    T = model.metadata.get("temperature")
    if T is None:
        return p
    if isinstance(T, bool) or not isinstance(T, (int, float)) or not 0 < T < float("inf"):
        raise ValueError(f"{model.name}: the model file's temperature {T!r} is not usable: expected a number above 0")
    powers = (p / p.max(axis=1, keepdims=True)) ** (1 / T)
    return powers / powers.sum(axis=1, keepdims=True)


def places(cohort: Cohort, split: str) -> np.ndarray:
    """Indices of the images of a split; "all" for every image. ValueError where there are none."""
    at = np.arange(len(cohort.y)) if split == "all" else cohort.where(split)
    if not len(at):
        raise ValueError(f"evaluate: the split {split!r} has no images; there is {cohort.counted()}")
    return at


def taken(cohort: Cohort, at: np.ndarray) -> Any:
    """These images of a cohort: a copy, or images that stay on disk."""
    return cohort.x[at] if isinstance(cohort.x, np.ndarray) else cohort.x.select(at)


def evaluate(
    model: Model, cohort: Cohort, split: str = "test", positive: str | None = None, least: float | None = None
) -> tuple[dict[str, Any], np.ndarray]:
    """The figures on one split ("all" for every image), and the calibrated probabilities they come from.

    `least`: the operating point is the one whose sensitivity for `positive` was that or more on validation.
    """
    classes = classes_of(model)
    at = places(cohort, split)
    x, y = taken(cohort, at), cohort.y[at]
    one = None if positive is None else metrics.positive_index(classes, positive)
    p = calibrated(model, probabilities(model, x))
    found = report(
        y,
        p,
        classes,
        groups=cohort.groups()[at],
        positive=one,
        points=threshold.check(model.metadata.get("operating_points")),
        least=least,
        facts={name: [cohort.fact(name)[i] for i in at] for name in SUBGROUPS},
    )
    known = {
        "split": split,
        "seen_in_training": seen_in_training(model, x),
        "patients_known": all(cohort.patients[i] for i in at),
        "temperature": model.metadata.get("temperature"),
    }
    return {**known, **metrics.measure(y, p, classes, positive), **found}, p
