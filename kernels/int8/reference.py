"""Numbers into levels and back, number by number, to be read beside README.md."""

import numpy as np


def quantize(x, scale, zero):
    """Compute level = round(x / scale) + zero, within -128..127.   x float32, any shape  ->  int8, the same shape."""
    y = np.zeros(x.shape, np.int8)
    for i in np.ndindex(x.shape):
        if np.isnan(x[i]):
            raise ValueError("quantize: x has a NaN, and no level stands for one")
        with np.errstate(over="ignore"):
            steps = np.float32(x[i]) / np.float32(scale)
        y[i] = min(max(np.rint(steps), -128 - zero), 127 - zero) + zero
    return y


def dequantize(x, scale, zero):
    """Compute number = scale * (level - zero).   x int8, any shape  ->  float32, the same shape."""
    y = np.zeros(x.shape, np.float32)
    for i in np.ndindex(x.shape):
        y[i] = np.float32(scale) * np.float32(int(x[i]) - zero)
    return y
