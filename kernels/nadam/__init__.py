"""One step of Nadam with weight decay; README.md is the lesson.

p the parameter, g its gradient, m the running mean of g, v that of g^2: one shape, any; all float32 or all float64.
`update` OVERWRITES p, m and v, which must be writable, C-contiguous and apart from each other and from g; g is only
read. Raises TypeError for a wrong kind of array or number and ValueError for what does not fit.
"""

import numpy as np

from kernels import checks
from kernels.nadam.momentum import product

OP = "nadam"


def update(
    p: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    *,
    step: int,
    lr: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-7,
    weight_decay: float = 0.0,
    U: float | None = None,
    variant: str = "cpu",
) -> None:
    """Make one step: p -= lr * weight_decay * p, then Adam's step with Nesterov's look ahead.

        m = m + (g - m) * (1 - beta1);  v = v + (g*g - v) * (1 - beta2)
        p -= lr * (ahead * m + now * g) / (sqrt(v / (1 - beta2^t)) + epsilon)
        ahead = u_{t+1} / (1 - U_{t+1}),  now = (1 - u_t) / (1 - U_t)

    step  the number t of this step, the first being 1
    U     U_t, if the caller keeps it: else it is computed, in t multiplications
    Overwrites p, m and v.
    """
    t = checks.integer(OP, "step", step)
    beta1 = checks.real(OP, "beta1", beta1, below=1.0)
    so_far = product(t, beta1) if U is None else checks.real(OP, "U", U, below=1.0)
    settings = {
        "step": t,
        "lr": checks.real(OP, "lr", lr),
        "beta1": beta1,
        "beta2": checks.real(OP, "beta2", beta2, below=1.0),
        "epsilon": checks.real(OP, "epsilon", epsilon),
        "weight_decay": checks.real(OP, "weight_decay", weight_decay),
        "U": so_far,
    }
    checks.in_place(OP, p=p, m=m, v=v)
    g = checks.gradient(OP, g, p=p, m=m, v=v)
    run = checks.kernel(OP, variant, "update", p, g, m, v)
    if variant != "reference":
        run(p, g, m, v, **settings)
        return
    p[...], m[...], v[...] = run(p, g, m, v, **settings)
