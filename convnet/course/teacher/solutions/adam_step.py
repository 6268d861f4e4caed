import numpy as np


def update(p, g, m, v, *, step, lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7, weight_decay=0.0, **settings):
    p, g, m, v = (a.astype(float) for a in (p, g, m, v))
    p = p - lr * weight_decay * p
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    alpha = lr * np.sqrt(1 - beta2**step) / (1 - beta1**step)
    return p - alpha * m / (np.sqrt(v) + epsilon), m, v
