import numpy as np


def update(p, g, m, v, *, step, lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7, weight_decay=0.0):
    """The paper's form: corrected means, one number after the other; epsilon-hat is epsilon * sqrt(1 - beta2^t)."""
    new = np.array([
        _one(float(a), float(b), float(c), float(d), step, lr, beta1, beta2, epsilon, weight_decay)
        for a, b, c, d in zip(p, g, m, v, strict=True)
    ])  # fmt: skip
    return new[:, 0], new[:, 1], new[:, 2]


def _one(p, g, m, v, t, lr, beta1, beta2, epsilon, decay):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat, epsilon_hat = m / (1 - beta1**t), v / (1 - beta2**t), epsilon / (1 - beta2**t) ** 0.5
    return p * (1 - lr * decay) - lr * m_hat / (v_hat**0.5 + epsilon_hat), m, v
