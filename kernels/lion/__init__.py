"""One step of Lion with weight decay; README.md is the lesson.

p the parameter, g its gradient, m a running mean of g: one shape, any; all float32 or all float64.
`update` OVERWRITES p and m, which must be writable, C-contiguous and apart from each other and from g; g is only read.
Raises TypeError for a wrong kind of array or number and ValueError for what does not fit.
"""

import numpy as np

from kernels import checks

OP = "lion"


def update(
    p: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    *,
    lr: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
    variant: str = "cpu",
) -> None:
    """Make one step: p -= lr * weight_decay * p, then move p by lr against the sign of a mean of m and g.

    p -= lr * sign(beta1 * m + (1 - beta1) * g);  m = beta2 * m + (1 - beta2) * g. Overwrites p and m.
    """
    settings = {
        "lr": checks.real(OP, "lr", lr),
        "beta1": checks.real(OP, "beta1", beta1, below=1.0),
        "beta2": checks.real(OP, "beta2", beta2, below=1.0),
        "weight_decay": checks.real(OP, "weight_decay", weight_decay),
    }
    checks.in_place(OP, p=p, m=m)
    g = checks.gradient(OP, g, p=p, m=m)
    run = checks.kernel(OP, variant, "update", p, g, m)
    if variant != "reference":
        run(p, g, m, **settings)
        return
    p[...], m[...] = run(p, g, m, **settings)
