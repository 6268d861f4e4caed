"""Nadam, number by number in float64, to be read beside README.md."""

import numpy as np


def update(p, g, m, v, *, step, lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7, weight_decay=0.0, U=None):
    """One step t = `step`, in Keras's form: p -= lr * weight_decay * p, then

        u_k = beta1 (1 - 0.96^k / 2);   U_k = u_1 u_2 ... u_k  (U is U_t if it is given)
        m += (g - m)(1 - beta1);   v += (g^2 - v)(1 - beta2)
        p -= lr (u_{t+1} m / (1 - U_{t+1}) + (1 - u_t) g / (1 - U_t)) / (sqrt(v / (1 - beta2^t)) + epsilon)

    p, g, m, v any one shape  ->  the new (p, m, v), float64. Mutates nothing.
    Source: Dozat, Incorporating Nesterov Momentum into Adam, 2016; Keras 3.
    """
    u = [beta1 * (1 - 0.5 * 0.96**k) for k in range(step + 2)]  # u[0] is not used
    U_t = float(np.prod(u[1 : step + 1])) if U is None else U
    U_next = U_t * u[step + 1]
    new_p, new_m, new_v = np.zeros(p.shape), np.zeros(p.shape), np.zeros(p.shape)
    for i in np.ndindex(p.shape):
        w, slope = float(p[i]), float(g[i])
        w -= lr * weight_decay * w
        new_m[i] = float(m[i]) + (slope - float(m[i])) * (1 - beta1)
        new_v[i] = float(v[i]) + (slope * slope - float(v[i])) * (1 - beta2)
        mean = u[step + 1] * new_m[i] / (1 - U_next) + (1 - u[step]) * slope / (1 - U_t)
        # lesson: nadam.forward
        new_p[i] = w - np.float64(lr * mean) / (np.sqrt(new_v[i] / (1 - beta2**step)) + epsilon)
    return new_p, new_m, new_v
