"""One step of Adagrad with weight decay; README.md is the lesson.

p the parameter, g its gradient, v the sum of all g^2 so far: one shape, any; all float32 or all float64.
`update` OVERWRITES p and v, which must be writable, C-contiguous and apart from each other and from g; g is only read.
Raises TypeError for a wrong kind of array or number and ValueError for what does not fit.
"""

import numpy as np

from kernels import checks

OP = "adagrad"


def update(
    p: np.ndarray,
    g: np.ndarray,
    v: np.ndarray,
    *,
    lr: float = 0.001,
    epsilon: float = 1e-7,
    weight_decay: float = 0.0,
    variant: str = "cpu",
) -> None:
    """Make one step: p -= lr * weight_decay * p, then move p by the gradient over the root of the sum of its squares.

    v = v + g*g;  p -= lr * g / sqrt(v + epsilon). Overwrites p and v.
    """
    settings = {
        "lr": checks.real(OP, "lr", lr),
        "epsilon": checks.real(OP, "epsilon", epsilon),
        "weight_decay": checks.real(OP, "weight_decay", weight_decay),
    }
    checks.in_place(OP, p=p, v=v)
    g = checks.gradient(OP, g, p=p, v=v)
    run = checks.kernel(OP, variant, "update", p, g, v)
    if variant != "reference":
        run(p, g, v, **settings)
        return
    p[...], v[...] = run(p, g, v, **settings)
