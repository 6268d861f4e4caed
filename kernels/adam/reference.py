"""Adam, number by number in float64, to be read beside README.md."""

import math

import numpy as np


def update(p, g, m, v, *, step, lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7, weight_decay=0.0):
    """One step, in Keras's form: p -= lr * weight_decay * p, then

        m += (g - m) (1 - beta1);   v += (g^2 - v) (1 - beta2);   p -= alpha m / (sqrt(v) + epsilon)
        alpha = lr sqrt(1 - beta2^step) / (1 - beta1^step)

    p, g, m, v any one shape  ->  the new (p, m, v), float64. Mutates nothing.
    Source: Kingma & Ba 2015, algorithm 1 in the form at the end of section 2, where epsilon is epsilon-hat;
    Loshchilov & Hutter 2019 (decay apart from the gradient).
    """
    alpha = lr * math.sqrt(1 - beta2**step) / (1 - beta1**step)
    new_p, new_m, new_v = np.zeros(p.shape), np.zeros(p.shape), np.zeros(p.shape)
    for i in np.ndindex(p.shape):
        a, b = float(p[i]), float(g[i])
        a -= lr * weight_decay * a
        new_m[i] = float(m[i]) + (b - float(m[i])) * (1 - beta1)
        new_v[i] = float(v[i]) + (b * b - float(v[i])) * (1 - beta2)
        # np.float64 divides 0 by 0 (g = 0 and epsilon = 0) by IEEE's rules
        # lesson: adam.forward
        new_p[i] = a - np.float64(alpha * new_m[i]) / (math.sqrt(new_v[i]) + epsilon)
    return new_p, new_m, new_v
