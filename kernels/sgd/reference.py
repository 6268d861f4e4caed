"""Gradient descent, number by number in float64, to be read beside README.md."""

import numpy as np


def update(p, g, v=None, *, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    """One step, in Keras's form: p -= lr * weight_decay * p, then p -= lr * g, or with momentum

        v = momentum * v - lr * g;   p += v,   nesterov: p += momentum * v - lr * g

    p, g, v any one shape  ->  the new (p, v), float64; v is None, or as it was, without momentum. Mutates nothing.
    Source: Polyak 1964 (momentum); Sutskever et al. 2013 (Nesterov's form); Loshchilov & Hutter 2019 (decay).
    """
    new_p = np.zeros(p.shape)
    new_v = None if v is None else np.array(v, np.float64)
    for i in np.ndindex(p.shape):
        a, b = float(p[i]), float(g[i])
        a -= lr * weight_decay * a
        if momentum == 0:
            # lesson: sgd.forward
            a -= lr * b
        else:
            velocity = momentum * float(v[i]) - lr * b
            new_v[i] = velocity
            a += momentum * velocity - lr * b if nesterov else velocity
        new_p[i] = a
    return new_p, new_v
