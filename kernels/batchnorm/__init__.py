"""Batch normalisation, for training and for inference, and its gradient; README.md is the lesson.

x, y (..., C): any rank from 2 on, the channels last; gamma, beta, mean, var (C,); all float32 or all float64.
M = the number of values a channel has: the product of all axes but the last.
`epsilon`: added to the variance, a number > 0. `variant`: a name from the registry.
`out`: where to write the result, C-contiguous and apart from the inputs.
Every function raises TypeError for a wrong kind of array and ValueError for shapes or settings that do not fit.
Source: Ioffe, Szegedy, Batch Normalization, 2015, algorithm 1 and section 3.
"""

from math import prod
from typing import Any

import numpy as np

from kernels import checks

OP = "batchnorm"
Three = tuple[np.ndarray, np.ndarray, np.ndarray]


def forward(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    *,
    epsilon: float = 1e-3,
    variant: str = "cpu",
    out: Three | None = None,
) -> Three:
    """Normalise with the batch's own statistics.

    mean = 1/M * sum x, var = 1/M * sum (x - mean)^2, y = gamma * (x - mean) / sqrt(var + epsilon) + beta

    -> y as x, mean (C,), var (C,). ValueError if M = 0. `reference` returns float64, the others x's dtype.
    """
    x, channels = _check(x=x, gamma=gamma, beta=beta)
    _check_values(x.shape)
    epsilon = _check_epsilon(epsilon)
    run = checks.kernel(OP, variant, "forward", x, *channels)
    if variant == "reference":
        y, mean, var = run(_rows(x), *channels, epsilon=epsilon)
        return checks.deliver(OP, (y.reshape(x.shape), mean, var), out)
    C = x.shape[-1:]
    wanted = (("y", x.shape, x.dtype), ("mean", C, x.dtype), ("var", C, x.dtype))
    y, mean, var = checks.outputs(OP, out, wanted, (x, *channels))
    run(_rows(x), *channels, epsilon=epsilon, out=(_rows(y), mean, var))
    return y, mean, var


def inference(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    *,
    epsilon: float = 1e-3,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute y = gamma * (x - mean) / sqrt(var + epsilon) + beta with a given mean and var  -> y as x."""
    x, channels = _check(x=x, gamma=gamma, beta=beta, mean=mean, var=var)
    epsilon = _check_epsilon(epsilon)
    run = checks.kernel(OP, variant, "inference", x, *channels)
    if variant == "reference":
        return checks.deliver(OP, run(_rows(x), *channels, epsilon=epsilon).reshape(x.shape), out)
    y = checks.output(OP, "out", out, x.shape, x.dtype, (x, *channels))
    run(_rows(x), *channels, epsilon=epsilon, out=_rows(y))
    return y


def inference_backward(
    dy: np.ndarray,
    gamma: np.ndarray,
    var: np.ndarray,
    *,
    epsilon: float = 1e-3,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Return dx = gamma / sqrt(var + epsilon) * dy, the gradient of `inference`  -> dx as dy."""
    dy, channels = _check(x=dy, gamma=gamma, var=var)
    epsilon = _check_epsilon(epsilon)
    run = checks.kernel(OP, variant, "inference_backward", dy, *channels)
    if variant == "reference":
        return checks.deliver(OP, run(_rows(dy), *channels, epsilon=epsilon).reshape(dy.shape), out)
    dx = checks.output(OP, "out", out, dy.shape, dy.dtype, (dy, *channels))
    run(_rows(dy), *channels, epsilon=epsilon, out=_rows(dx))
    return dx


def backward(
    dy: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    *,
    epsilon: float = 1e-3,
    variant: str = "cpu",
    out: Three | None = None,
) -> Three:
    """Compute the gradients of `forward`; mean and var are those that it returned for x.

    xhat = (x - mean) / sqrt(var + epsilon)

    dbeta = sum dy, dgamma = sum dy * xhat, dx = gamma / sqrt(var + epsilon) * (dy - dbeta/M - xhat * dgamma/M)
    -> dx as x, dgamma (C,), dbeta (C,). ValueError if M = 0.
    """
    x, channels = _check(x=x, gamma=gamma, mean=mean, var=var)
    dy = checks.array(OP, "dy", dy, None)
    checks.same_dtype(OP, dy=dy, x=x)
    checks.shape(OP, "dy", dy, x.shape, "x's shape")
    _check_values(x.shape)
    epsilon = _check_epsilon(epsilon)
    run = checks.kernel(OP, variant, "backward", dy, x, *channels)
    if variant == "reference":
        dx, dgamma, dbeta = run(_rows(dy), _rows(x), *channels, epsilon=epsilon)
        return checks.deliver(OP, (dx.reshape(x.shape), dgamma, dbeta), out)
    C = x.shape[-1:]
    wanted = (("dx", x.shape, x.dtype), ("dgamma", C, x.dtype), ("dbeta", C, x.dtype))
    dx, dgamma, dbeta = checks.outputs(OP, out, wanted, (dy, x, *channels))
    run(_rows(dy), _rows(x), *channels, epsilon=epsilon, out=(_rows(dx), dgamma, dbeta))
    return dx, dgamma, dbeta


def _check(x: Any, **channels: Any) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return x of rank >= 2, and every other array with one number per channel, all of one dtype."""
    x = checks.array(OP, "x", x, None)
    if x.ndim < 2:
        raise ValueError(f"{OP}: x must have at least 2 axes, the last one the channels, got shape {x.shape}")
    channels = {name: checks.array(OP, name, a, "C") for name, a in channels.items()}
    checks.same_dtype(OP, x=x, **channels)
    for name, a in channels.items():
        checks.shape(OP, name, a, x.shape[-1:], f"one number per channel: x.shape={x.shape}")
    return x, list(channels.values())


def _check_values(x_shape: tuple[int, ...]) -> None:
    if prod(x_shape[:-1]) == 0:
        raise ValueError(f"{OP}: the statistics of a batch need at least one value per channel, got x.shape={x_shape}")


def _check_epsilon(epsilon: Any) -> float:
    if checks.number(OP, "epsilon", epsilon, 0.0) == 0:
        raise ValueError(f"{OP}: epsilon must be > 0 (a constant channel has variance 0), got {epsilon!r}")
    return float(epsilon)


def _rows(x: np.ndarray) -> np.ndarray:
    """Return (..., C) as (M, C): the same memory."""
    return x.reshape(prod(x.shape[:-1]), x.shape[-1])
