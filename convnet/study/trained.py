"""What a training gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from convnet.callbacks import History
    from convnet.model import Model


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model, the course of its training, and its outputs for the val split (N,classes), float32."""

    model: Model
    history: History
    outputs: np.ndarray
