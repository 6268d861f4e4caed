"""What a model says of images: its outputs as the task reads them and as its file calibrates them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convnet.study.metadata import read_record
from convnet.study.tasks import TASKS

if TYPE_CHECKING:
    import numpy as np

    from convnet.model import Model


def read_answers(model: Model, outputs: np.ndarray) -> np.ndarray:
    """Return the calibrated probabilities or values (N,...), float64, of the model's outputs (N,classes).

    Every command that shows a model's answer takes it from here.
    """
    record = read_record(model)
    task = TASKS[record.task]
    return task.calibrate(task.read(outputs, max(1, len(record.runs))), record)
