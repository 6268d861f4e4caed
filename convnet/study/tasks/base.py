"""What a task decides: the network's outputs and loss, how outputs are read and calibrated, and what is measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.model import Model
    from convnet.study.metadata import ModelRecord


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked of an evaluation, and what is known of its images.

    groups    a number for each image's patient (N,); facts: what headers say, {name: a text for each}
    positive  the class that sensitivity and specificity are of; least: the sensitivity that its threshold is to reach
    """

    groups: np.ndarray
    facts: dict[str, list[str]] = field(default_factory=dict)
    positive: str | None = None
    least: float | None = None


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

    def summary(self, y: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> dict[str, float | None]:
        """Return the two metrics that a configuration is chosen by in cross-validation."""
        raise NotImplementedError

    def overall(self, y: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return the same two as metrics of sample weights (`evaluation.intervals`)."""
        raise NotImplementedError
