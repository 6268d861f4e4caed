"""One step of Adam (Kingma & Ba 2015) or, with weight decay, AdamW; README.md is the lesson.

p the parameter, g its gradient, m and v the running means of g and g^2: one shape, any; all float32 or all float64.
`update` OVERWRITES p, m and v, which must be writable, C-contiguous and apart from each other and from g; g is only
read. Raises TypeError for a wrong kind of array or number and ValueError for what does not fit.
Source: Kingma, Ba, Adam, 2015, algorithm 1; Loshchilov, Hutter, Decoupled Weight Decay Regularization, 2019.
"""

import numpy as np

from kernels import checks

OP = "adam"


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
    variant: str = "cpu",
) -> None:
    """Overwrite p, m and v by step number `step`; the first is 1.

    p -= lr * weight_decay * p, then

        m += (g - m) * (1 - beta1);  v += (g*g - v) * (1 - beta2);  p -= alpha * m / (sqrt(v) + epsilon)
        alpha = lr * sqrt(1 - beta2^step) / (1 - beta1^step)

    Overwrites p, m and v. `epsilon` is the paper's epsilon-hat (end of its section 2), as in Keras.
    """
    settings = {
        "step": checks.integer(OP, "step", step),
        "lr": checks.real(OP, "lr", lr),
        "beta1": checks.real(OP, "beta1", beta1, below=1.0),
        "beta2": checks.real(OP, "beta2", beta2, below=1.0),
        "epsilon": checks.real(OP, "epsilon", epsilon),
        "weight_decay": checks.real(OP, "weight_decay", weight_decay),
    }
    states = {"p": p, "m": m, "v": v}
    checks.in_place(OP, **states)
    g = checks.gradient(OP, g, **states)
    run = checks.kernel(OP, variant, "update", p, g, m, v)
    if variant != "reference":
        run(p, g, m, v, **settings)
        return
    for state, new in zip((p, m, v), run(p, g, m, v, **settings), strict=True):
        state[...] = new
