"""The functions by name, and the numbers that each of them takes."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

from kernels import checks


class Tanh(NamedTuple):
    """The hyperbolic tangent: tanh(x)."""


class Rectify(NamedTuple):
    """min(x, max_value) above the threshold, negative_slope * (x - threshold) elsewhere: leaky relu, relu6."""

    negative_slope: float = 0.0
    max_value: float = math.inf
    threshold: float = 0.0


class Elu(NamedTuple):
    """scale * x for x > 0, else scale * alpha * (e^x - 1): elu, and selu with its two constants."""

    alpha: float = 1.0
    scale: float = 1.0


class Gelu(NamedTuple):
    """x Phi(x), Phi being the normal distribution's function: gelu."""


class GeluTanh(NamedTuple):
    """x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)): gelu's approximation by tanh."""


class Silu(NamedTuple):
    """x sigmoid(x): silu, also called swish."""


class Softplus(NamedTuple):
    """log(1 + e^x): softplus."""


class Softsign(NamedTuple):
    """x / (1 + |x|): softsign."""


class HardSigmoid(NamedTuple):
    """alpha * x + beta, held between 0 and 1."""

    alpha: float = 1 / 6
    beta: float = 0.5


class HardSilu(NamedTuple):
    """x (x + 3) / 6 between -3 and 3, 0 below, x above: hard silu, also called hard swish."""


class Exponential(NamedTuple):
    """e^x: the exponential."""


class Clip(NamedTuple):
    """x held between low and high."""

    low: float = -math.inf
    high: float = math.inf


FUNCTIONS: dict[str, Any] = {
    "tanh": Tanh,
    "rectify": Rectify,
    "elu": Elu,
    "gelu": Gelu,
    "gelu_tanh": GeluTanh,
    "silu": Silu,
    "softplus": Softplus,
    "softsign": Softsign,
    "hard_sigmoid": HardSigmoid,
    "hard_silu": HardSilu,
    "exponential": Exponential,
    "clip": Clip,
}
SELU = {"alpha": 1.6732632423543772, "scale": 1.0507009873554805}  # Klambauer et al. 2017
_MAY_BE_INFINITE = ("max_value", "low", "high")


def make(function: str, settings: dict[str, Any]) -> Any:
    """Return the function with its numbers; ValueError, listing what exists, for an unknown name or number."""
    if not isinstance(function, str) or function not in FUNCTIONS:
        raise ValueError(f"unary: there is no function {function!r}; choose one of: {', '.join(FUNCTIONS)}")
    return _make(function, tuple(settings.items()))


@lru_cache(maxsize=1024)
def _make(function: str, settings: tuple[tuple[str, Any], ...]) -> Any:
    kind, numbers = FUNCTIONS[function], {}
    for name, value in settings:
        if name not in kind._fields:
            takes = ", ".join(kind._fields) or "no numbers"
            raise ValueError(f"unary: {function} has no {name!r}; it takes {takes}")
        if name in _MAY_BE_INFINITE and isinstance(value, float) and math.isinf(value):
            numbers[name] = value
        else:
            numbers[name] = checks.number("unary", name, value, -math.inf)
    made = kind(**numbers)
    if function == "clip" and not made.low <= made.high:
        raise ValueError(f"unary: clip needs low <= high, got low={made.low}, high={made.high}")
    return made
