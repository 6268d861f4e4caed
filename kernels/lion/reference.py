"""Lion, number by number in float64, to be read beside README.md."""

import numpy as np


def update(p, g, m, *, lr=0.001, beta1=0.9, beta2=0.99, weight_decay=0.0):
    """One step, in Keras's form: p -= lr * weight_decay * p, then

        p -= lr sign(beta1 m + (1 - beta1) g);   m = beta2 m + (1 - beta2) g

    p, g, m any one shape  ->  the new (p, m), float64; sign(0) = 0. Mutates nothing.
    Source: Chen et al., Symbolic Discovery of Optimization Algorithms, 2023, algorithm 2; Keras 3.
    """
    new_p, new_m = np.zeros(p.shape), np.zeros(p.shape)
    for i in np.ndindex(p.shape):
        w, slope, mean = float(p[i]), float(g[i]), float(m[i])
        w -= lr * weight_decay * w
        # lesson: lion.forward
        new_p[i] = w - lr * np.sign(beta1 * mean + (1 - beta1) * slope)
        new_m[i] = beta2 * mean + (1 - beta2) * slope
    return new_p, new_m
