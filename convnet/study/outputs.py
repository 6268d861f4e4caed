"""A model's outputs for many images, as they are and as probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from convnet.model import Model

BATCH = 64  # images at once


def predict_outputs(model: Model, x: Any) -> np.ndarray:
    """Return the model's outputs (N,classes), float32."""
    return model.predict(x, batch_size=BATCH)


def normalize(outputs: np.ndarray) -> np.ndarray:
    """Return outputs (N,classes) divided by their sum, float64: a sigmoid network's and an ensemble's need it."""
    outputs = outputs.astype(np.float64)
    total = outputs.sum(axis=1, keepdims=True)
    return outputs / np.where(total > 0, total, 1)


def predict_probabilities(model: Model, x: Any) -> np.ndarray:
    """Return the probabilities (N,classes) of images, float64, not calibrated."""
    return normalize(predict_outputs(model, x))
