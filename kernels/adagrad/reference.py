"""Adagrad, number by number in float64, to be read beside README.md."""

import numpy as np


def update(p, g, v, *, lr=0.001, epsilon=1e-7, weight_decay=0.0):
    """One step, in Keras's form: p -= lr * weight_decay * p, then

        v = v + g^2;   p -= lr g / sqrt(v + epsilon)

    p, g, v any one shape  ->  the new (p, v), float64. Mutates nothing.
    Source: Duchi, Hazan & Singer, JMLR 12, 2011; Keras 3.
    """
    new_p, new_v = np.zeros(p.shape), np.zeros(p.shape)
    for i in np.ndindex(p.shape):
        w, slope = float(p[i]), float(g[i])
        w -= lr * weight_decay * w
        new_v[i] = float(v[i]) + slope * slope
        # lesson: adagrad.forward
        new_p[i] = w - lr * slope / np.sqrt(np.float64(new_v[i] + epsilon))  # by IEEE's rules, where Python would raise
    return new_p, new_v
