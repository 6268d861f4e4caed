"""Inverted dropout and its gradient, the mask made anew from a counter; README.md is the lesson.

x and y have any shape, float32 or float64. `rate`: the probability of a zero, 0 <= rate < 1.
`seed`, `step`: integers in 0 .. 2^64 - 1. The mask is a function of (seed, step, element's index, rate) and of nothing
else: the same on every target, for any number of threads; backward needs no stored mask.
`out`: where to write the result, C-contiguous and apart from the inputs. `variant`: a name from the registry.
Both functions raise TypeError for a wrong kind of array and ValueError for settings that do not fit.
Source: Srivastava et al., Dropout, 2014; Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011.
"""

from typing import Any

import numpy as np

from kernels import checks

OP = "dropout"


def forward(
    x: np.ndarray, rate: float, *, seed: int, step: int = 0, variant: str = "cpu", out: np.ndarray | None = None
) -> np.ndarray:
    """Compute y[e] = x[e] / (1 - rate) where word(e) >= round(rate * 2^32), else 0  -> y as x.

    e counts the elements in C order; word(e) is word e % 4 of Philox4x32-10 at counter (e // 4, step), key seed.
    A dropped NaN is 0. `reference` returns float64, the others x's dtype.
    """
    return _run("forward", "x", x, rate, seed, step, variant, out)


def backward(
    dy: np.ndarray, rate: float, *, seed: int, step: int = 0, variant: str = "cpu", out: np.ndarray | None = None
) -> np.ndarray:
    """Compute dx[e] = dy[e] / (1 - rate) where forward with this seed and step kept e, else 0  -> dx as dy."""
    return _run("backward", "dy", dy, rate, seed, step, variant, out)


def _run(name: str, argument: str, x: Any, rate: Any, seed: Any, step: Any, variant: str, out: Any) -> np.ndarray:
    x = checks.array(OP, argument, x, None)
    rate = checks.number(OP, "rate", rate, 0.0, 1.0, below=True)
    counter = {"seed": _word64("seed", seed), "step": _word64("step", step)}
    run = checks.kernel(OP, variant, name, x)
    if variant == "reference":
        return checks.deliver(OP, run(x, rate, **counter), out)
    y = checks.output(OP, "out", out, x.shape, x.dtype, (x,))
    run(x, rate, **counter, out=y)
    return y


def _word64(name: str, value: Any) -> int:
    word = checks.integer(OP, name, value, 0)
    if word >= 2**64:
        raise ValueError(f"{OP}: {name} must be an integer below 2^64, got {value!r}")
    return word
