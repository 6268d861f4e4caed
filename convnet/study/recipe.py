"""How a model is trained: every choice that `convnet train` and `convnet crossvalidate` offer, in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from convnet.distribute.launch import choose_number
from convnet.evaluation.grouping import largest
from convnet.output.words import count

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort

CHOICES = {
    "network": ("listing", "gap", "resnet", "formula", "wave"),
    "keep": ("best", "last"),
    "schedule": ("constant", "cosine"),
    "flip": ("auto", "on", "off"),
    "class_weight": ("none", "balanced"),
    "task": ("auto", "classes", "multilabel", "ordinal", "regression"),
    "group": ("none", "patient", "study", "series"),
}
PLAIN: dict[str, Any] = {
    "epochs": 150,
    "keep": "best",
    "schedule": "constant",
    "warmup": 0,
    "average": 0.0,
    "mixup": 0.0,
}


@dataclass(frozen=True)
class Recipe:
    """How a model is trained. Choices that are None are the network's own (`complete`).

    network       see `CHOICES` and `networks.NETWORKS`
    epochs        maximum number of epochs; batch_size: images in one step
    patience      with keep="best": stop after this many epochs without improvement
    runs          models trained from seeds seed, seed+1, ...; more than one are joined into an ensemble
    keep          the parameters of the epoch that was best on val, or those of the last epoch
    dropout       share of a dense layer's inputs that are zeroed in training
    learning_rate of Adam; weight_decay: AdamW's
    schedule      of the learning rate: constant, or falling to 0 along half a cosine over `epochs`
    warmup        the learning rate rises to its value over this many first epochs
    average       decay of the moving average of the parameters that is validated and kept (`averaging`); 0: none
    label_smoothing  share of each target that is spread over all classes
    mixup         alpha of the Beta distribution by which pairs of training images are mixed (`mixing`); 0: none
    flip          mirror training images left-right: on, off, or auto (`cohort.mirror`: unless sides carry meaning)
    shift         by up to this many pixels in 28 (a 56 pixel image by up to twice as many)
    rotate        by up to this many degrees
    scale         by a factor of up to 1 + scale, or down to its inverse
    intensity     contrast by a factor 1 +- intensity, brightness by +- intensity
    elastic       smooth random displacements of this many pixels in 28 (root mean square)
    class_weight  balanced: a class's images weigh N / (classes * its number)
    task          what the labels are; auto: by how they look (`data.cohort.targets`)
    group         images of one patient, study or series also have one result
    aggregate     how it comes from theirs: mean-log-odds, max or top-K (`evaluation.grouping`)
    shards        parts that a batch is cut into, which processes may share (`distribute`); 0: none, under mpiexec 8
    finding       for two classes and max or top-K: the class of which one image is enough; "" is the second
    """

    network: str = "gap"
    epochs: int | None = None
    batch_size: int = 32
    patience: int = 50
    runs: int = 1
    keep: str | None = None
    dropout: float = 0.5
    learning_rate: float | None = None
    weight_decay: float = 0.0
    schedule: str | None = None
    warmup: int | None = None
    average: float | None = None
    label_smoothing: float = 0.0
    mixup: float | None = None
    flip: str = "auto"
    shift: float = 2.0
    rotate: float = 0.0
    scale: float = 0.0
    intensity: float = 0.0
    elastic: float = 0.0
    class_weight: str = "none"
    task: str = "auto"
    group: str = "none"
    aggregate: str = "mean-log-odds"
    finding: str = ""
    shards: int = 0

    def __post_init__(self) -> None:
        given = {name: value for name, value in asdict(self).items() if value is not None}
        for name, choices in CHOICES.items():
            if given.get(name, choices[0]) not in choices:
                raise ValueError(f"train: {name} must be one of {', '.join(choices)}, got {given[name]!r}")
        for name in ("epochs", "batch_size", "patience", "runs"):
            if given.get(name, 1) < 1:
                raise ValueError(f"train: {name} must be 1 or more, got {given[name]}")
        for name in ("average", "label_smoothing"):
            if not 0 <= given.get(name, 0) < 1:
                raise ValueError(f"train: {name} must be 0 or more and below 1, got {given[name]}")
        for name in ("weight_decay", "warmup", "mixup", "shift", "rotate", "scale", "intensity", "elastic", "shards"):
            if not 0 <= given.get(name, 0) < float("inf"):
                raise ValueError(f"train: {name} must be 0 or more, got {given[name]}")

        largest(self.aggregate)

    def complete(self, cohort: Cohort) -> Recipe:
        """Return the recipe with the network's own value for each of `PLAIN` that is None.

        gap has the recipe that cross-validation chose (README.md): the averaged parameters of the last epoch of a
        cosine schedule, with MixUp where images have one class each. The other networks have `PLAIN`.
        """
        own = PLAIN
        if self.network == "gap":
            epochs = self.epochs or choose_epochs(len(cohort.where("train")))
            own = {
                "epochs": epochs,
                "keep": "last",
                "schedule": "cosine",
                "warmup": min(5, epochs // 10),
                "average": 0.99,
                "mixup": 0.2 if cohort.task == "classes" else 0.0,
            }
        own = {name: value for name, value in own.items() if getattr(self, name) is None}
        return replace(self, **own, shards=choose_number(self.shards))

    def describe(self) -> str:
        """Return a complete recipe's main choices as one line."""
        parts = [
            f"network {self.network}",
            f"{'' if self.keep == 'last' else 'at most '}{count(self.epochs or 0, 'epoch')}",
        ]
        parts.append(f"{self.schedule} learning rate" + (f" after {self.warmup:g} of warm-up" if self.warmup else ""))
        parts += [f"MixUp {self.mixup:g}"] if self.mixup else []
        parts += [f"averaged parameters ({self.average:g})"] if self.average else []
        return ", ".join([*parts, f"the {self.keep} epoch kept"])

    def to_json(self) -> dict[str, Any]:
        """Return every choice by its name."""
        return asdict(self)


def choose_epochs(images: int) -> int:
    """Return the epochs of gap's recipe: 100; fewer from 2,000 training images on, so that 200,000 are seen, but 10."""
    return min(100, max(10, round(200_000 / max(images, 1))))
