"""One step of stochastic gradient descent, with momentum, Nesterov's form and weight decay; README.md is the lesson.

p the parameter, g its gradient, v its velocity: one shape, any; all float32 or all float64.
`update` OVERWRITES p and v, which must be writable, C-contiguous and apart from each other and from g; g is only read.
Raises TypeError for a wrong kind of array or number and ValueError for what does not fit.
Source: Polyak 1964; Sutskever et al. 2013; Loshchilov, Hutter 2019; Keras 3, keras/src/optimizers/sgd.py.
"""

import numpy as np

from kernels import checks

OP = "sgd"


def update(
    p: np.ndarray,
    g: np.ndarray,
    v: np.ndarray | None = None,
    *,
    lr: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    variant: str = "cpu",
) -> None:
    """Overwrite p, and v if there is momentum, by one step.

    p -= lr * weight_decay * p, then p -= lr * g, or with momentum

        v = momentum * v - lr * g;  p += v   (nesterov: p += momentum * v - lr * g with the new v)

    Overwrites p and v. Without momentum v is not needed, and not touched.
    """
    settings = {
        "lr": checks.real(OP, "lr", lr),
        "momentum": checks.real(OP, "momentum", momentum, below=1.0),
        "nesterov": bool(nesterov),
        "weight_decay": checks.real(OP, "weight_decay", weight_decay),
    }
    if settings["momentum"] and v is None:
        raise ValueError(f"{OP}: momentum={momentum} needs v, the velocity: pass an array of zeros at the first step")
    states = {"p": p} if v is None else {"p": p, "v": v}
    checks.in_place(OP, **states)
    g = checks.gradient(OP, g, **states)
    run = checks.kernel(OP, variant, "update", p, g, v)
    if variant != "reference":
        run(p, g, v, **settings)
        return
    new_p, new_v = run(p, g, v, **settings)
    p[...] = new_p
    if v is not None:
        v[...] = new_v
