import numpy as np


def forward(x, k, scale, b, *, zero, **settings):
    """The integers as float64, which holds them exactly; the zero point's share is subtracted afterwards."""
    total = (x.astype(float) @ k.astype(float) - zero * k.astype(float).sum(0)).astype(np.int64)
    return total, total * scale.astype(float) + b
