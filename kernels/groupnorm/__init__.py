"""Group normalisation, and with it layer and instance normalisation, and its gradient; README.md is the lesson.

x, y (N, ..., C): any rank from 2 on; gamma, beta (C,); mean, var (N, groups); all float32 or all float64.
`groups`: into how many groups of neighbours the channels are divided. `epsilon`: added to the variance, a number > 0.
`variant`: a name from the registry. `out`: where to write the result, C-contiguous and apart from the inputs.
Every function raises TypeError for a wrong kind of array and ValueError for shapes or settings that do not fit.
Source: Wu, He, Group Normalization, 2018; Ba, Kiros, Hinton, Layer Normalization, 2016; Ulyanov et al. 2016.
"""

from math import prod
from typing import Any

import numpy as np

from kernels import checks

OP = "groupnorm"
Three = tuple[np.ndarray, np.ndarray, np.ndarray]


def forward(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    *,
    groups: int = 1,
    epsilon: float = 1e-3,
    variant: str = "cpu",
    out: Three | None = None,
) -> Three:
    """Normalise each group of channels of each sample: y = gamma * (x - mean) / sqrt(var + epsilon) + beta.

    mean and var are those of the group's numbers in this sample  -> y as x, mean (N,groups), var (N,groups).
    `reference` returns float64, the others x's dtype. groups=1: layer normalisation; groups=C: instance normalisation.
    """
    x, (gamma, beta) = _check(x, groups, gamma=gamma, beta=beta)
    settings = {"groups": groups, "epsilon": _check_epsilon(epsilon)}
    run = checks.kernel(OP, variant, "forward", x, gamma, beta)
    if variant == "reference":
        y, mean, var = run(_samples(x), gamma, beta, **settings)
        return checks.deliver(OP, (y.reshape(x.shape), mean, var), out)
    each = (len(x), groups)
    wanted = (("y", x.shape, x.dtype), ("mean", each, x.dtype), ("var", each, x.dtype))
    y, mean, var = checks.outputs(OP, out, wanted, (x, gamma, beta))
    run(_samples(x), gamma, beta, **settings, out=(_samples(y), mean, var))
    return y, mean, var


def backward(
    dy: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    *,
    groups: int = 1,
    epsilon: float = 1e-3,
    variant: str = "cpu",
    out: Three | None = None,
) -> Three:
    """Compute the gradients of `forward`; mean and var are those that it returned for x.

    dx = (dy gamma - 1/M sum dy gamma - xhat/M sum dy gamma xhat) / sqrt(var + epsilon), the sums over the group's M
    numbers; dgamma = sum dy xhat and dbeta = sum dy over all samples  -> dx as x, dgamma (C,), dbeta (C,).
    """
    x, (gamma,) = _check(x, groups, gamma=gamma)
    dy, mean, var = (checks.array(OP, n, a, None) for n, a in (("dy", dy), ("mean", mean), ("var", var)))
    checks.same_dtype(OP, dy=dy, x=x, mean=mean, var=var)
    checks.shape(OP, "dy", dy, x.shape, "x's shape")
    for name, a in (("mean", mean), ("var", var)):
        checks.shape(OP, name, a, (len(x), groups), "one number for each sample and group")
    settings = {"groups": groups, "epsilon": _check_epsilon(epsilon)}
    run = checks.kernel(OP, variant, "backward", dy, x, gamma, mean, var)
    if variant == "reference":
        dx, dgamma, dbeta = run(_samples(dy), _samples(x), gamma, mean, var, **settings)
        return checks.deliver(OP, (dx.reshape(x.shape), dgamma, dbeta), out)
    C = x.shape[-1:]
    wanted = (("dx", x.shape, x.dtype), ("dgamma", C, x.dtype), ("dbeta", C, x.dtype))
    dx, dgamma, dbeta = checks.outputs(OP, out, wanted, (dy, x, gamma, mean, var))
    run(_samples(dy), _samples(x), gamma, mean, var, **settings, out=(_samples(dx), dgamma, dbeta))
    return dx, dgamma, dbeta


def _check(x: Any, groups: Any, **channels: Any) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return x of rank >= 2, and the arrays with one number per channel, all of one dtype; groups must divide C."""
    x = checks.array(OP, "x", x, None)
    if x.ndim < 2 or prod(x.shape[1:]) == 0:
        raise ValueError(
            f"{OP}: x must have at least 2 axes, the last one the channels, and a number in each sample, got {x.shape}"
        )
    checks.integer(OP, "groups", groups)
    if x.shape[-1] % groups:
        raise ValueError(f"{OP}: groups={groups} does not divide the {x.shape[-1]} channels of x, {x.shape}")
    channels = {name: checks.array(OP, name, a, "C") for name, a in channels.items()}
    checks.same_dtype(OP, x=x, **channels)
    for name, a in channels.items():
        checks.shape(OP, name, a, x.shape[-1:], f"one number per channel: x.shape={x.shape}")
    return x, list(channels.values())


def _check_epsilon(epsilon: Any) -> float:
    if checks.number(OP, "epsilon", epsilon, 0.0) == 0:
        raise ValueError(f"{OP}: epsilon must be > 0 (a constant group has variance 0), got {epsilon!r}")
    return float(epsilon)


def _samples(x: np.ndarray) -> np.ndarray:
    """Return (N, ..., C) as (N, P, C): the same memory."""
    return x.reshape(x.shape[0], prod(x.shape[1:-1]), x.shape[-1])
