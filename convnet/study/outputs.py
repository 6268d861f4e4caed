"""A model's outputs for many images, as they are and as probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from convnet.model import Model

BATCH = 64  # images at once, fewer of more than 128 x 128 pixels: a network's maps would take gigabytes
PIXELS = BATCH * 128 * 128


def predict_outputs(model: Model, x: Any) -> np.ndarray:
    """Return the model's outputs (N,classes), float32."""
    height, width = x.shape[1:3]
    return model.predict(x, batch_size=max(1, min(BATCH, PIXELS // (height * width))))


def normalize(outputs: np.ndarray) -> np.ndarray:
    """Return outputs (N,classes) divided by their sum, float64: a sigmoid network's and an ensemble's need it."""
    outputs = outputs.astype(np.float64)
    total = outputs.sum(axis=1, keepdims=True)
    return outputs / np.where(total > 0, total, 1)


def predict_probabilities(model: Model, x: Any) -> np.ndarray:
    """Return the probabilities (N,classes) of images, float64, not calibrated."""
    return normalize(predict_outputs(model, x))
