"""From colour to grey."""

from __future__ import annotations

import numpy as np


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Return Y = 0.299 R + 0.587 G + 0.114 B, float64: (..., 3 or 4) -> (...).

    The Y of YBR_FULL (PS3.3 C.7.6.3.1.2).
    """
    r, g, b = (rgb[..., c].astype(np.float64) for c in range(3))
    return 0.299 * r + 0.587 * g + 0.114 * b
