"""Arithmetic with repeated axes and its gradients: plain loops in float64, to be read beside README.md."""

import math

import numpy as np


def forward(a, b, kind):
    """Compute y[i] = a[i] (kind) b[i] for every index i of the result; along an axis of length 1 the index is 0.

    a, b of shapes that fit  ->  y, float64.  Source: NumPy's rule of broadcasting; IEEE 754-2019, 9.6 (maximum).
    """
    y = np.zeros(np.broadcast_shapes(a.shape, b.shape))
    for i in np.ndindex(y.shape):
        # lesson: arithmetic.forward
        y[i] = _value(kind, float(a[_place(i, a.shape)]), float(b[_place(i, b.shape)]))
    return y


def backward(dy, a, b, kind):
    """Apply the chain rule: da[j] = the sum, over every i that reads a[j], of dy[i] times the slope there; db the same.

    dy of the result's shape  ->  da, db of a's and b's shapes, float64
    """
    da, db = np.zeros(a.shape), np.zeros(b.shape)
    for i in np.ndindex(dy.shape):
        ia, ib = _place(i, a.shape), _place(i, b.shape)
        # lesson: arithmetic.data
        along_a, along_b = slopes(kind, float(dy[i]), float(a[ia]), float(b[ib]))
        da[ia] += along_a
        db[ib] += along_b
    return da, db


def _place(index, shape):
    """Return the index in an array of this shape: its axes are the last, those of length 1 are repeated."""
    last = index[len(index) - len(shape) :]
    return tuple(0 if length == 1 else i for i, length in zip(last, shape, strict=True))


def _value(kind, a, b):
    with np.errstate(all="ignore"):
        if kind in ("maximum", "minimum"):
            if math.isnan(a) or math.isnan(b):
                return math.nan
            return max(a, b) if kind == "maximum" else min(a, b)
        a, b = np.float64(a), np.float64(b)
        return {"add": a.__add__, "subtract": a.__sub__, "multiply": a.__mul__, "divide": a.__truediv__}[kind](b)


def slopes(kind, dy, a, b):
    """Return dy times the slope along a, and along b."""
    with np.errstate(all="ignore"):
        dy, a, b = np.float64(dy), np.float64(a), np.float64(b)
        if kind == "add":
            return dy, dy
        if kind == "subtract":
            return dy, -dy
        if kind == "multiply":
            return dy * b, dy * a
        if kind == "divide":
            return dy / b, -dy * a / (b * b)
        a_is_chosen = np.isnan(a) or (a >= b if kind == "maximum" else a <= b)
        return (dy, 0.0) if a_is_chosen else (0.0, dy)
