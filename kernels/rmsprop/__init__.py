"""One step of RMSprop, plain or centered, with momentum and weight decay; README.md is the lesson.

p the parameter, g its gradient, v the running mean of g^2, m the velocity (with momentum), a the running mean of g
(centered): one shape, any; all float32 or all float64.
`update` OVERWRITES p, v, a and m, which must be writable, C-contiguous and apart from each other and from g; g is only
read. Raises TypeError for a wrong kind of array or number and ValueError for what does not fit.
"""

import numpy as np

from kernels import checks

OP = "rmsprop"


def update(
    p: np.ndarray,
    g: np.ndarray,
    v: np.ndarray,
    m: np.ndarray | None = None,
    a: np.ndarray | None = None,
    *,
    lr: float = 0.001,
    rho: float = 0.9,
    momentum: float = 0.0,
    centered: bool = False,
    epsilon: float = 1e-7,
    weight_decay: float = 0.0,
    variant: str = "cpu",
) -> None:
    """Make one step: p -= lr * weight_decay * p, then move p by the gradient over its root mean square.

        v = rho * v + (1 - rho) * g*g
        d = lr * g / sqrt(v + epsilon)
        p -= d,  or with momentum  m = momentum * m + d;  p -= m

    Centered: a = rho * a + (1 - rho) * g, and v - a*a takes the place of v under the root.
    Overwrites p and v, m with momentum, and a when centered. Otherwise m and a are not needed, and not touched.
    """
    settings = {
        "lr": checks.real(OP, "lr", lr),
        "rho": checks.real(OP, "rho", rho, below=1.0),
        "momentum": checks.real(OP, "momentum", momentum, below=1.0),
        "centered": bool(centered),
        "epsilon": checks.real(OP, "epsilon", epsilon),
        "weight_decay": checks.real(OP, "weight_decay", weight_decay),
    }
    if settings["momentum"] and m is None:
        raise ValueError(f"{OP}: momentum={momentum} needs m, the velocity: pass an array of zeros at the first step")
    if centered and a is None:
        raise ValueError(f"{OP}: centered=True needs a, the gradient's mean: pass an array of zeros at the first step")
    states = {name: s for name, s in (("p", p), ("v", v), ("m", m), ("a", a)) if s is not None}
    checks.in_place(OP, **states)
    g = checks.gradient(OP, g, **states)
    run = checks.kernel(OP, variant, "update", p, g, v)
    if variant != "reference":
        run(p, g, v, m, a, **settings)
        return
    for state, new in zip((p, v, m, a), run(p, g, v, m, a, **settings), strict=True):
        if state is not None:
            state[...] = new
