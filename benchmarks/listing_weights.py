"""The listing's weights out of the file that its peers read (listing_onnx.py)."""

from __future__ import annotations

from functools import cache

import numpy as np


@cache
def read(path: str) -> dict[str, np.ndarray]:
    """Return k1 (F,C,3,3), b1, k2, b2, k3 (C,F) of a flat image with channels first, b3, k4, b4."""
    import onnx

    return {a.name: np.array(onnx.numpy_helper.to_array(a)) for a in onnx.load(path).graph.initializer}
