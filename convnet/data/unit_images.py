"""Arrays of images in the one form that a cohort holds: float32 in [0, 1]."""

from __future__ import annotations

import numpy as np

from convnet.data.dicom.colour import luminance
from convnet.data.errors import CohortError


def unit_images(x: np.ndarray, name: str, channels: int = 1) -> np.ndarray:
    """Return images as float32 in [0, 1]: (N, H, W) or, with three channels, (N, H, W, 3).

    x         uint8 (v / 255), or float in [0, 1]; (N, H, W), (N, H, W, 1) or RGB (N, H, W, 3)
    name      of the array, for the error texts
    channels  1: colours become grey (luminance); 3: grey images get three equal channels

    Raises CohortError for other types, shapes or ranges.
    """
    x = np.asarray(x)
    if x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[3] not in (1, 3)):
        raise CohortError(f"{name} has shape {x.shape}: expected (N, H, W), (N, H, W, 1) or (N, H, W, 3)")
    if x.dtype != np.uint8 and x.dtype.kind != "f":
        raise CohortError(f"{name} has type {x.dtype}: expected uint8, or float in [0, 1]")
    if x.dtype.kind == "f" and x.size and not (x.min() >= 0 and x.max() <= 1):  # also refuses NaN
        raise CohortError(f"{name} goes from {x.min():g} to {x.max():g}: expected float values in [0, 1], or uint8")
    grey = x if x.ndim == 3 else x[..., 0] if x.shape[3] == 1 else luminance(x) if channels == 1 else x
    if channels == 3 and grey.ndim == 3:
        grey = np.repeat(grey[..., None], 3, axis=3)
    # float64 first, as the pipeline for files does: the same bits
    return np.clip(grey.astype(np.float64) / (255.0 if x.dtype == np.uint8 else 1.0), 0, 1).astype(np.float32)
