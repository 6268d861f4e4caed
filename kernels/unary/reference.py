"""Each function and its derivative, number by number in float64, to be read beside README.md."""

import math
from collections.abc import Callable

import numpy as np

from kernels.unary.functions import make


def forward(x, function, **settings):
    """Compute y = f(x), f being FORMULAS[function] with its numbers.   x any shape  ->  y the same shape, float64."""
    (value, _), numbers = FORMULAS[function], make(function, settings)
    y = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        # lesson: unary.forward
        y[i] = value(float(x[i]), *numbers)
    return y


def backward(dy, x, function, **settings):
    """Compute dx = dy * f'(x);   dy, x any one shape  ->  dx that shape, float64."""
    (_, slope), numbers = FORMULAS[function], make(function, settings)
    dx = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        # lesson: unary.data
        dx[i] = float(dy[i]) * slope(float(x[i]), *numbers)
    return dx


def exp(x):
    """Compute e^x, infinite where Python's own would raise OverflowError."""
    return math.inf if x > 709.782712893384 else math.exp(x)


def sigmoid(x):
    """Compute 1 / (1 + e^-x)."""
    return exp(x) / (1 + exp(x)) if x < 0 else 1 / (1 + exp(-x))


def times(a, b):
    """Compute a b, where b = 0 wins over an infinite a: the limit of x f(x) as x goes to -infinity."""
    return 0.0 if b == 0 else a * b


def rectify(x, negative_slope, max_value, threshold):
    """Compute min(x, max_value) above the threshold, negative_slope * (x - threshold) elsewhere."""
    if math.isnan(x):
        return x
    return min(x if x > threshold else times(x - threshold, negative_slope), max_value)


def rectify_slope(x, negative_slope, max_value, threshold):
    """Compute the slope: 1 between threshold and max_value, negative_slope up to the threshold, 0 from max_value on."""
    if x >= max_value and max_value < math.inf:
        return 0.0
    return 1.0 if x > threshold else negative_slope


def elu(x, alpha, scale):
    """Compute scale * x for x > 0, else scale * alpha * (e^x - 1)."""
    return scale * x if x > 0 else scale * alpha * math.expm1(x)


def normal(x):
    """Compute Phi(x) = 1/2 erfc(-x / sqrt(2)), the share of a normal distribution that lies below x."""
    return math.erfc(-x / math.sqrt(2)) / 2


def density(x):
    """Compute Phi'(x) = e^(-x^2/2) / sqrt(2 pi)."""
    return exp(-x * x / 2) / math.sqrt(2 * math.pi)


def bend(x):
    """Compute v = 2 sqrt(2/pi) (x + 0.044715 x^3), for which x sigmoid(v) is almost x Phi(x)."""
    return 2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


def bend_slope(x):
    """Compute dv/dx."""
    return 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)


def sigmoid_slope(x):
    """Compute sigmoid'(x) = e^-|x| / (1 + e^-|x|)^2."""
    return exp(-abs(x)) / (1 + exp(-abs(x))) ** 2


def hold(x, low, high):
    """Compute x, held between low and high; a NaN stays one."""
    return low if x < low else high if x > high else x


def is_between(x, low, high):
    """Compute 1 where low < x < high, else 0."""
    return 0.0 if x <= low or x >= high else 1.0


# the function's name -> its formula and its derivative
FORMULAS: dict[str, tuple[Callable, Callable]] = {
    "tanh": (math.tanh, lambda x: 4 * sigmoid_slope(2 * x)),
    "rectify": (rectify, rectify_slope),
    "elu": (elu, lambda x, alpha, scale: scale if x > 0 else scale * alpha * exp(x)),
    "gelu": (lambda x: times(x, normal(x)), lambda x: normal(x) + times(x, density(x))),
    "gelu_tanh": (
        lambda x: times(x, sigmoid(bend(x))),
        lambda x: sigmoid(bend(x)) + times(x * bend_slope(x), sigmoid_slope(bend(x))),
    ),
    "silu": (lambda x: times(x, sigmoid(x)), lambda x: sigmoid(x) + times(x, sigmoid_slope(x))),
    "softplus": (lambda x: (x if x > 0 else 0.0) + math.log1p(exp(-abs(x))), sigmoid),
    "softsign": (
        lambda x: math.copysign(1, x) if math.isinf(x) else x / (1 + abs(x)),
        lambda x: 1 / (1 + abs(x)) ** 2,
    ),
    "hard_sigmoid": (
        lambda x, alpha, beta: hold(alpha * x + beta, 0.0, 1.0),
        lambda x, alpha, beta: alpha * is_between(alpha * x + beta, 0.0, 1.0),
    ),
    "hard_silu": (
        lambda x: times(x, hold((x + 3) / 6, 0.0, 1.0)),
        lambda x: 1.0 if x >= 3 else 0.0 if x <= -3 else (2 * x + 3) / 6,
    ),
    "exponential": (exp, exp),
    "clip": (hold, lambda x, low, high: 0.0 if x < low or x > high else 1.0),
}
