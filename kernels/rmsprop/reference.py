"""RMSprop, number by number in float64, to be read beside README.md."""

import numpy as np


def update(p, g, v, m=None, a=None, *, lr=0.001, rho=0.9, momentum=0.0, centered=False, epsilon=1e-7, weight_decay=0.0):
    """One step, in Keras's form: p -= lr * weight_decay * p, then

        v = rho v + (1 - rho) g^2;   d = lr g / sqrt(v + epsilon);   p -= d
        with momentum:  m = momentum m + d;   p -= m
        centered:  a = rho a + (1 - rho) g;   d = lr g / sqrt(v - a^2 + epsilon)

    p, g, v, m, a any one shape  ->  the new (p, v, m, a), float64. Without momentum m is returned as it was given, and
    when not centered a. Mutates nothing.
    Source: Tieleman & Hinton, Lecture 6.5, 2012; Graves 2013, equations 38-42 (centered); Keras 3.
    """
    new_p, new_v = np.zeros(p.shape), np.zeros(p.shape)
    new_m = None if m is None else np.array(m, np.float64)
    new_a = None if a is None else np.array(a, np.float64)
    for i in np.ndindex(p.shape):
        w, slope = float(p[i]), float(g[i])
        w -= lr * weight_decay * w
        new_v[i] = rho * float(v[i]) + (1 - rho) * slope * slope
        spread = new_v[i]
        if centered:
            new_a[i] = rho * float(a[i]) + (1 - rho) * slope
            spread -= new_a[i] * new_a[i]
        # NumPy's root and division follow IEEE's rules where Python's would raise
        step = lr * slope / np.sqrt(np.float64(spread + epsilon))
        if momentum != 0:
            new_m[i] = momentum * float(m[i]) + step
            step = new_m[i]
        # lesson: rmsprop.forward
        new_p[i] = w - step
    return new_p, new_v, new_m, new_a
