"""What a task decides: the network's outputs and loss, how outputs are read and calibrated, and what is measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from convnet.evaluation import grouping as joining
from convnet.losses import BinaryCrossentropy

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.evaluation.grouping import Grouping
    from convnet.model import Model
    from convnet.study.metadata import ModelRecord


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked of an evaluation, and what is known of its images.

    groups    a number for each image's patient (N,); facts: what headers say, {name: a text for each}
    positive  the class that sensitivity and specificity are of; least: the sensitivity that its threshold is to reach
    wilson    proportions have Wilson's interval: each patient has one result
    """

    groups: np.ndarray
    facts: dict[str, list[str]] = field(default_factory=dict)
    positive: str | None = None
    least: float | None = None
    wilson: bool = False


class Task(ABC):
    """One kind of labels. p stands for what a model says in the task's own terms: probabilities, or values.

    activation, loss  of the network's last layer; metrics: shown while it trains
    score_name        what the epoch is chosen by on val; None: by the loss
    """

    name: ClassVar[str]
    activation: ClassVar[str]
    loss: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]] = ("binary_accuracy",)
    score_name: ClassVar[str | None] = "val_auc"

    def width(self, classes: int) -> int:
        """Return how many outputs the network has."""
        return classes

    def prepare(self, y: np.ndarray) -> Task:
        """Return the task as the training labels make it."""
        return self

    @abstractmethod
    def targets(self, y: np.ndarray, classes: int) -> np.ndarray:
        """Return what the loss compares the outputs with."""

    def soft_targets(self, y: np.ndarray, classes: int) -> np.ndarray:
        """Return targets that can be mixed and smoothed: as `targets` if those can."""
        return self.targets(y, classes)

    def soft_loss(self, smoothing: float) -> Any:
        """Return the loss for `soft_targets`, with a share of each target spread over all answers."""
        return BinaryCrossentropy(label_smoothing=smoothing)

    @abstractmethod
    def check(self, cohort: Cohort, y: np.ndarray) -> None:
        """Raise ValueError unless the training labels y can be learned."""

    def finish(self, model: Model, outputs: np.ndarray) -> np.ndarray:
        """Put a trained model into its final form; return its outputs on val in that form."""
        return outputs

    def read(self, outputs: np.ndarray, members: int = 1) -> np.ndarray:
        """Return p (N,...), float64, of a model's outputs, which are the sum over an ensemble's members."""
        return outputs.astype(np.float64) / members

    def score(self, y: np.ndarray, p: np.ndarray) -> float | None:
        """Return what a better epoch has more of; None if it is not defined on these labels."""
        return None

    @abstractmethod
    def fit(self, y: np.ndarray, p: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
        """Return the fields of `ModelRecord` that are fitted on validation."""

    @abstractmethod
    def calibrate(self, p: np.ndarray, record: ModelRecord) -> np.ndarray:
        """Return p as the record's calibration makes it."""

    @abstractmethod
    def measure(self, y: np.ndarray, p: np.ndarray, record: ModelRecord, asked: Asked) -> dict[str, Any]:
        """Return the metrics of labels and calibrated p as plain JSON."""

    @abstractmethod
    def lines(self, result: dict[str, Any]) -> list[str]:
        """Return `measure`'s result as text for a terminal."""

    @abstractmethod
    def tell(self, p: np.ndarray, record: ModelRecord) -> dict[str, Any]:
        """Return the fields of a diagnosis's `Result` for one image's calibrated p."""

    def output_of(self, p: np.ndarray, record: ModelRecord) -> tuple[int, str]:
        """Return the network's output that a map of the image is drawn for, and what it speaks for."""
        best = int(np.argmax(p))
        return best, record.classes[best]

    @abstractmethod
    def untell(self, told: Any, record: ModelRecord) -> np.ndarray:
        """Return one image's calibrated p from the `Result` that `tell` gave."""

    @abstractmethod
    def join(self, p: np.ndarray, of: np.ndarray, grouping: Grouping) -> np.ndarray:
        """Return p of groups from the calibrated p of images; of: each image's group, 0..G-1."""

    @abstractmethod
    def join_labels(self, y: np.ndarray, of: np.ndarray, grouping: Grouping, classes: tuple[str, ...]) -> np.ndarray:
        """Return the groups' labels. Raises ValueError if their images' labels do not settle them."""

    def fit_groups(self, y: np.ndarray, p: np.ndarray, owners: np.ndarray, grouping: Grouping) -> Grouping:
        """Return the rule with the calibration of validation groups; owners: a number for each group's patient."""
        sound = np.isfinite(p.reshape(len(p), -1)).all(axis=1)
        fitted = self.fit(y[sound], p[sound], owners[sound])["calibration"]
        return replace(grouping, fitted=fitted, groups=int(sound.sum()))

    def calibrate_groups(self, p: np.ndarray, record: ModelRecord, grouping: Grouping) -> np.ndarray:
        """Return p of groups as the rule's calibration makes it."""
        return self.calibrate(p, replace(record, calibration=grouping.fitted))

    def measure_groups(
        self, y: np.ndarray, p: np.ndarray, record: ModelRecord, grouping: Grouping, asked: Asked
    ) -> dict[str, Any]:
        """Return the metrics of groups' labels and calibrated p as plain JSON."""
        return self.measure(y, p, replace(record, calibration=grouping.fitted), asked)

    def tell_group(self, p: np.ndarray, record: ModelRecord, grouping: Grouping) -> dict[str, Any]:
        """Return what `tell` does, for one group's calibrated p."""
        return self.tell(p, replace(record, calibration=grouping.fitted))

    def summary(self, y: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> dict[str, float | None]:
        """Return the two metrics that a configuration is chosen by in cross-validation."""
        raise NotImplementedError

    def overall(self, y: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return the same two as metrics of sample weights (`evaluation.intervals`)."""
        raise NotImplementedError


def join_largest(y: np.ndarray, of: np.ndarray, grouping: Grouping) -> np.ndarray:
    """Return the largest label of each group, column by column.

    Raises ValueError if a group's images differ and the mean of their log-odds is taken.
    """
    out = np.array([y[of == g].max(axis=0) for g in range(int(of.max(initial=-1)) + 1)])
    mixed = [g for g in range(len(out)) if (y[of == g] != out[g]).any()]
    if mixed and joining.largest(grouping.aggregate) is None:
        raise joining.MixedLabels(grouping, mixed, len(out), "--aggregate max or top-K takes the largest of them")
    return out
